import { z } from "zod";
import { FileRef, TreeRef } from "../../sdk/run-folder/events.js";

const count = z.number().int().min(0);
/** Requests without an answer: another run asks them again. */
const failed = count.default(0);

/** Rows as JSON lines; after an import their images are stored by content. */
export const RowsResult = z
  .strictObject({ kind: z.literal("rows"), file: FileRef, rows: count, images: count })
  .readonly();
export type RowsResult = z.output<typeof RowsResult>;

/** Rows after an audit: the ones to train on, and a report with one JSON line for each row that was counted. */
export const AuditResult = z
  .strictObject({
    kind: z.literal("audit"),
    file: FileRef,
    rows: count,
    images: count,
    report: FileRef,
    tokens: count,
    imageTokens: count,
    targetTokens: count,
    longestRowTokens: count,
    capped: count,
    dropped: count,
    refused: count,
  })
  .readonly();
export type AuditResult = z.output<typeof AuditResult>;

/** Rows that another program's dataset was turned into; `images` holds the files that were bytes in it. */
export const ReadResult = z
  .strictObject({
    kind: z.literal("read"),
    file: FileRef,
    rows: count,
    /** Folder that image paths are relative to, where they are files of the user's. */
    imageRoot: z.string(),
    images: TreeRef.optional(),
    found: z.string(),
  })
  .readonly();
export type ReadResult = z.output<typeof ReadResult>;

/** A model or dataset of a hub in the local cache. */
export const FetchResult = z
  .strictObject({ kind: z.literal("fetch"), path: z.string(), repository: z.string(), commit: z.string() })
  .readonly();
export type FetchResult = z.output<typeof FetchResult>;

/** What a training came to, besides its weights. */
const Training = z
  .strictObject({
    steps: count,
    targetTokens: count,
    finalLoss: z.number(),
    gateValue: z.number().optional(),
    /** Steps and gates: one JSON line an event. */
    log: FileRef,
  })
  .readonly();

/** A model folder; `training` is absent where random weights were made. */
export const ModelResult = z
  .strictObject({ kind: z.literal("model"), folder: TreeRef, weightsSha256: z.string(), training: Training.optional() })
  .readonly();
export type ModelResult = z.output<typeof ModelResult>;

/** Texts of a benchmark: one JSON line a sample, each text a file of its own. */
export const TextsResult = z
  .strictObject({ kind: z.literal("texts"), file: FileRef, texts: z.array(FileRef).readonly(), failed })
  .readonly();
export type TextsResult = z.output<typeof TextsResult>;

/** Verdicts on them: one JSON line a sample, each reply a file of its own. */
export const VerdictsResult = z
  .strictObject({ kind: z.literal("verdicts"), file: FileRef, replies: z.array(FileRef).readonly(), failed })
  .readonly();
export type VerdictsResult = z.output<typeof VerdictsResult>;

/** Scores of a benchmark. */
export const ScoresResult = z.strictObject({ kind: z.literal("scores"), file: FileRef }).readonly();
export type ScoresResult = z.output<typeof ScoresResult>;

/** What a node of the plan gives to later ones. */
export const StageResult = z.discriminatedUnion("kind", [
  RowsResult,
  ModelResult,
  TextsResult,
  VerdictsResult,
  ScoresResult,
  AuditResult,
  ReadResult,
  FetchResult,
]);
export type StageResult = z.output<typeof StageResult>;

/** The blobs that a result stands on. */
export function refsOf(result: StageResult): readonly (FileRef | TreeRef)[] {
  switch (result.kind) {
    case "rows":
    case "scores":
      return [result.file];
    case "audit":
      return [result.file, result.report];
    case "read":
      return result.images === undefined ? [result.file] : [result.file, result.images];
    case "fetch":
      return [];
    case "model":
      return result.training === undefined ? [result.folder] : [result.folder, result.training.log];
    case "texts":
      return [result.file, ...result.texts];
    case "verdicts":
      return [result.file, ...result.replies];
  }
}
