import type { ItemScore, PairedDifference, UnknownDifference } from "../method/index.js";
import type { BenchResult, TrainingResult } from "../run-folder/results.js";

/** One node of the plan as the run saw it. */
export interface ReportStage {
  readonly id: string;
  readonly kind: string;
  readonly cached: boolean;
  readonly seconds: number;
}

/** A training with its curve. */
export interface ReportTraining extends TrainingResult {
  readonly curve: readonly { readonly step: number; readonly loss: number }[];
  readonly gates: readonly {
    readonly step: number;
    readonly value: number;
    readonly atLeast: number;
    readonly passed: boolean;
  }[];
}

/** How a benchmark moved from one stage to the next on the same items. */
export interface ReportDifference {
  readonly from: string;
  readonly to: string;
  readonly length: PairedDifference | UnknownDifference;
  readonly quality: PairedDifference | UnknownDifference;
}

/** One text beside its scores. */
export interface ReportText {
  readonly stage: string;
  readonly text: string;
  readonly score: ItemScore;
  /** What the judge answered; empty when it was not asked. */
  readonly reply: string;
}

/** An item with the pages it shows and what each benchmark stage wrote about it. */
export interface ReportSample {
  readonly item: string;
  readonly task: string;
  readonly language: string;
  readonly prompt: string;
  readonly requiredLength: number;
  /** PNG files as data URLs. */
  readonly images: readonly string[];
  readonly texts: readonly ReportText[];
}

/** Everything a report shows. */
export interface RunReport {
  readonly experiment: string;
  readonly description: string;
  readonly run: string;
  /** ISO 8601. */
  readonly started: string;
  readonly seconds: number;
  readonly specSha256: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly stages: readonly ReportStage[];
  readonly trainings: readonly ReportTraining[];
  readonly benches: readonly BenchResult[];
  readonly differences: readonly ReportDifference[];
  readonly samples: readonly ReportSample[];
}
