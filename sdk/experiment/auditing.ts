import type { Audit } from "../spec/audit.js";
import type { Experiment, Stage } from "../spec/experiment.js";
import type { Model } from "../spec/model.js";

/**
 * The experiment that counts what another one would train on: every training is an audit with its model, rows and
 * limits, every audit stays, and nothing else is left. Nodes have the keys of the whole experiment's, so that a later
 * run finds rows and counts in the cache.
 *
 * @returns Undefined where there is nothing to count.
 */
export function auditing(experiment: Experiment): Experiment | undefined {
  const stages = experiment.stages.flatMap((stage) => auditOf(stage, experiment));
  return stages.length === 0 ? undefined : { ...experiment, name: derivedName(experiment.name, "audit"), stages };
}

function auditOf(stage: Stage, experiment: Experiment): readonly Audit[] {
  switch (stage.kind) {
    case "sft": {
      const { name, dataset, visionPolicy, promptLayout, maxTokens, tooLong } = stage;
      const model = originalModel(stage.model, experiment);
      return [{ kind: "audit", name, model, dataset, visionPolicy, promptLayout, maxTokens, tooLong }];
    }
    case "audit":
      return [{ ...stage, model: originalModel(stage.model, experiment) }];
    case "mmLongBenchWrite":
      return [];
  }
}

/** The first model of a chain of trainings: all of them have its tokenizer and its processor. */
export function originalModel(model: Model, experiment: Experiment): Exclude<Model, { readonly kind: "stage" }> {
  if (model.kind !== "stage") return model;
  const source = experiment.stages.find(({ name }) => name === model.stage);
  if (source === undefined) throw new RangeError(`no stage ${model.stage} gives a model`);
  return originalModel(source.model, experiment);
}

const LONGEST_NAME = 63;

/** `name-suffix`, within the length of a name. */
export function derivedName(name: string, suffix: string): string {
  return `${name.slice(0, LONGEST_NAME - suffix.length - 1)}-${suffix}`;
}
