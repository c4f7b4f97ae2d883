import { z } from "zod";
import { sha256 } from "../../sdk/experiment/canonical-json.js";
import { Failure } from "../../sdk/failure/failure.js";
import { FileRef, Finish } from "../../sdk/run-folder/events.js";
import { readJsonLines } from "../../sdk/run-folder/json-lines.js";
import { BenchItem } from "../../sdk/spec/rows.js";
import type { BlobReader } from "../../sdk/run-folder/blob-reader.js";

/** One written text: a line of a texts result. */
export const Sample = z
  .strictObject({
    item: z.string(),
    sample: z.number().int().min(0),
    seed: z.number().int().min(0),
    finish: Finish,
    text: FileRef,
    promptTokens: z.number().int().min(0),
    outputTokens: z.number().int().min(0),
    promptSha256: z.string(),
    failure: Failure.optional(),
  })
  .readonly();
export type Sample = z.output<typeof Sample>;

/** What became of judging one text: a line of a verdicts result. */
export const StoredVerdict = z
  .strictObject({
    item: z.string(),
    sample: z.number().int().min(0),
    verdict: z.enum(["judged", "refused", "unparsable", "error", "skipped"]),
    reply: FileRef.optional(),
    failure: Failure.optional(),
  })
  .readonly();
export type StoredVerdict = z.output<typeof StoredVerdict>;

/** Name of a sample within its stage. */
export function sampleName(item: string, sample: number): string {
  return `${item}#${sample}`;
}

/** The seed of one sample: a hash of the spec's seed, the item and the number, so that samples differ and each can be made again alone. */
export function sampleSeed(seed: number, item: string, sample: number): number {
  return Number.parseInt(sha256(`${seed}/${item}/${sample}`).slice(0, 8), 16);
}

/** The items of a benchmark after import. */
export async function readItems(file: FileRef, blobs: BlobReader): Promise<readonly BenchItem[]> {
  return await readJsonLines(file, BenchItem, blobs);
}
