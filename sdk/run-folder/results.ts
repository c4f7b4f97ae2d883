import type { BenchScore, Mean, ScoringProfileId, Scores } from "../method/index.js";
import { z } from "zod";
import type { FileRef } from "./events.js";

/** A measure of the user's over the texts of a benchmark. */
export interface MeasureResult {
  /** Mean over items, from 0 to 1. */
  readonly mean: Mean;
  readonly values: readonly { readonly item: string; readonly sample: number; readonly value: number }[];
}

/** What one benchmark stage came to. */
export interface BenchResult {
  readonly stage: string;
  /** Score under the profile that the spec names. */
  readonly score: BenchScore;
  /** The headline under every profile. */
  readonly profiles: Readonly<Record<ScoringProfileId, Scores>>;
  readonly measures: Readonly<Record<string, MeasureResult>>;
  /** Where the texts, the verdicts and the items lie. */
  readonly sources: { readonly items: FileRef; readonly texts: FileRef; readonly verdicts: FileRef };
}

/** What one training stage came to. */
export interface TrainingResult {
  readonly stage: string;
  readonly steps: number;
  readonly targetTokens: number;
  readonly finalLoss: number;
  readonly gateValue?: number | undefined;
  readonly weightsSha256: string;
  /** Steps and gates, one JSON line each. */
  readonly log: FileRef;
  /** Where the model folder lies below the blob store. */
  readonly folder: string;
}

/** One line of a training's log: what a loss curve and its gates are drawn from. */
export const TrainingLogLine = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("step"),
    step: z.number(),
    loss: z.number(),
    gradientNorm: z.number(),
    learningRate: z.number(),
    targetTokens: z.number(),
  }),
  z.object({
    type: z.literal("gate"),
    step: z.number(),
    value: z.number(),
    atLeast: z.number(),
    passed: z.boolean(),
  }),
]);

/** `results.json` of a run. */
export interface RunResults {
  readonly format: 1;
  readonly experiment: string;
  readonly trainings: readonly TrainingResult[];
  readonly benches: readonly BenchResult[];
}

/** Reads a {@link BenchResult} back from a blob, whose hash has been checked: only the outline is looked at again. */
export const BenchResult = z.custom<BenchResult>((value) =>
  hasAll(value, ["stage", "score", "profiles", "measures", "sources"]),
);

/** Reads `results.json` back. */
export const RunResults = z.custom<RunResults>((value) =>
  hasAll(value, ["format", "experiment", "trainings", "benches"]),
);

function hasAll(value: unknown, keys: readonly string[]): boolean {
  return typeof value === "object" && value !== null && keys.every((key) => key in value);
}
