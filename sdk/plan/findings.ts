import { canonicalJson } from "../experiment/canonical-json.js";
import type { SpecFinding } from "../experiment/spec-error.js";
import type { Experiment, Stage } from "../spec/experiment.js";

/** Fields that fit their schemas but not one another. An empty list means that the experiment may run. */
export function findMismatches(experiment: Experiment): readonly SpecFinding[] {
  const byName = new Map<string, Stage>(experiment.stages.map((stage) => [stage.name, stage]));
  return experiment.stages.flatMap((stage, index) => {
    const path = `stages.${index}`;
    const findings: SpecFinding[] = [];
    const source = stage.model.kind === "stage" ? byName.get(stage.model.stage) : undefined;
    if (source !== undefined && canonicalJson(source.visionPolicy) !== canonicalJson(stage.visionPolicy))
      findings.push({
        path: `${path}.visionPolicy`,
        found: canonicalJson(stage.visionPolicy),
        expected: `the policy of "${source.name}", which made the model: ${canonicalJson(source.visionPolicy)}`,
      });
    if (stage.kind === "mmLongBenchWrite" && stage.model.kind === "scratch" && stage.engine.kind !== "scripted")
      findings.push({
        path: `${path}.model`,
        found: "a scratch model",
        expected: "the model of a training stage or a folder: random weights have nothing to write",
      });
    if (stage.kind === "mmLongBenchWrite" && stage.sampling.maxTokens >= stage.engine.maxTokens)
      findings.push({
        path: `${path}.sampling.maxTokens`,
        found: String(stage.sampling.maxTokens),
        expected: `less than engine.maxTokens (${stage.engine.maxTokens}), which the prompt shares`,
      });
    if (stage.kind === "mmLongBenchWrite" && stage.items.kind !== "records" && stage.items.kind !== "generated")
      findings.push({
        path: `${path}.items.kind`,
        found: `"${stage.items.kind}", a form of training rows`,
        expected: '"records" or "generated"',
      });
    if (stage.kind === "sft" && stage.tuning.kind === "full" && new Set(stage.tuning.frozenParts).size === 3)
      findings.push({
        path: `${path}.tuning.frozenParts`,
        found: "all three parts",
        expected: "at least one part left to train",
      });
    return findings;
  });
}
