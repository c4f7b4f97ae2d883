import { canonicalJson } from "../experiment/canonical-json.js";
import type { SpecFinding } from "../experiment/spec-error.js";
import type { Experiment, Stage } from "../spec/experiment.js";
import type { MmLongBenchWrite } from "../spec/mm-long-bench-write.js";
import type { Sft } from "../spec/sft.js";
import { catalogueShape } from "./model-catalogue.js";

type Finding = Omit<SpecFinding, "nearestKey">;

/** Fields that fit their schemas but not one another. An empty list means that the experiment may run. */
export function findMismatches(experiment: Experiment): readonly SpecFinding[] {
  const byName = new Map<string, Stage>(experiment.stages.map((stage) => [stage.name, stage]));
  return experiment.stages.flatMap((stage, index) => {
    const source = stage.model.kind === "stage" ? byName.get(stage.model.stage) : undefined;
    return [...visionFindings(stage, source), ...kindFindings(stage)].map((finding) => ({
      ...finding,
      path: `stages.${index}.${finding.path}`,
    }));
  });
}

function kindFindings(stage: Stage): readonly Finding[] {
  switch (stage.kind) {
    case "sft":
      return sftFindings(stage);
    case "mmLongBenchWrite":
      return benchFindings(stage);
    case "audit":
      return [];
  }
}

/** Pixels are the same wherever a model is used, and its patches divide them. */
function visionFindings(stage: Stage, source: Stage | undefined): readonly Finding[] {
  const findings: Finding[] = [];
  if (source !== undefined && canonicalJson(source.visionPolicy) !== canonicalJson(stage.visionPolicy))
    findings.push({
      path: "visionPolicy",
      found: canonicalJson(stage.visionPolicy),
      expected: `the policy of "${source.name}", which made the model: ${canonicalJson(source.visionPolicy)}`,
    });
  const merged = mergedPatch(stage);
  if (merged !== undefined && stage.visionPolicy.gridMultiple % merged !== 0)
    findings.push({
      path: "visionPolicy.gridMultiple",
      found: String(stage.visionPolicy.gridMultiple),
      expected: `a multiple of ${merged}, the patch size times the merge size of the model`,
    });
  return findings;
}

/** Side of a merged patch in pixels, where the spec alone says it. */
function mergedPatch({ model }: Stage): number | undefined {
  switch (model.kind) {
    case "scratch":
      return model.vision.patchSize * model.vision.mergeSize;
    case "hub": {
      const shape = catalogueShape(model.repository);
      return shape === undefined ? undefined : shape.vision.patch * shape.vision.merge;
    }
    case "folder":
    case "stage":
      return undefined;
  }
}

function sftFindings({ tuning }: Sft): readonly Finding[] {
  switch (tuning.kind) {
    case "full":
      return new Set(tuning.frozenParts).size < 3
        ? []
        : [{ path: "tuning.frozenParts", found: "all three parts", expected: "at least one part left to train" }];
    case "lora":
      return tuning.layers === "attention" && tuning.targets.includes("merger")
        ? [{ path: "tuning.targets", found: "merger", expected: "parts with attention: a merger has none" }]
        : [];
  }
}

function benchFindings(stage: MmLongBenchWrite): readonly Finding[] {
  const findings: Finding[] = [];
  if (stage.model.kind === "scratch" && stage.engine.kind !== "scripted")
    findings.push({
      path: "model",
      found: "a scratch model",
      expected: "the model of a training stage or a folder: random weights have nothing to write",
    });
  if (stage.sampling.maxTokens >= stage.engine.maxTokens)
    findings.push({
      path: "sampling.maxTokens",
      found: String(stage.sampling.maxTokens),
      expected: `less than engine.maxTokens (${stage.engine.maxTokens}), which the prompt shares`,
    });
  return findings;
}
