import type { AuditInput } from "../spec/audit.js";
import type { Experiment as ExperimentSpec } from "../spec/experiment.js";
import { Experiment } from "../spec/experiment.js";
import type { MmLongBenchWriteInput } from "../spec/mm-long-bench-write.js";
import type { StageModel } from "../spec/model.js";
import type { SftInput } from "../spec/sft.js";
import { parseSpec } from "./spec-error.js";

/** The scores that a benchmark stage gives. Not a model: passing it as one does not compile. */
export interface StageScores {
  readonly kind: "stage";
  readonly stage: string;
  readonly gives: "scores";
}

/** Adds stages to an experiment. What a stage returns is what later stages may use. */
export interface ExperimentBuilder {
  /** Supervised fine-tuning; gives a model. */
  sft(name: string, spec: SftInput): StageModel;
  /** Counts rows as a training would see them; gives nothing. */
  audit(name: string, spec: AuditInput): void;
  /** MMLongBench-Write; gives scores. */
  mmLongBenchWrite(name: string, spec: MmLongBenchWriteInput): StageScores;
}

/**
 * An experiment as data, from a function that adds its stages.
 *
 * @throws SpecError naming every field that does not fit, what was found and what is expected.
 */
export function experiment(
  name: string,
  build: (x: ExperimentBuilder) => void,
  about: { readonly description?: string } = {},
): ExperimentSpec {
  const stages: unknown[] = [];
  build({
    sft(stage, spec) {
      stages.push({ ...spec, kind: "sft", name: stage });
      return { kind: "stage", stage, gives: "model" };
    },
    audit(stage, spec) {
      stages.push({ ...spec, kind: "audit", name: stage });
    },
    mmLongBenchWrite(stage, spec) {
      stages.push({ ...spec, kind: "mmLongBenchWrite", name: stage });
      return { kind: "stage", stage, gives: "scores" };
    },
  });
  return parseSpec(Experiment, { ...about, format: 1, name, stages });
}
