import { describe, expect, test } from "vitest";
import { experiment, folder, hub, hubDataset, programJudge, records, scratch } from "longform";
import { RunError } from "../../sdk/failure/failure.js";
import { namingSpec, specPath } from "../../runners/stages/spec-path.js";

const rows = records("rows.jsonl");
const spec = experiment("paths", (x) => {
  const sft = x.sft("small", {
    model: scratch({
      corpus: rows,
      vocabularySize: 400,
      text: { layers: 2, hiddenSize: 64, intermediateSize: 128, heads: 2, keyValueHeads: 2, maxPositions: 512 },
      vision: { layers: 1, hiddenSize: 32, intermediateSize: 64, heads: 2 },
    }),
    dataset: rows,
    steps: 3,
    gate: { dataset: rows, atLeast: 0.5 },
  });
  x.mmLongBenchWrite("bench", { model: sft, items: rows, judge: programJudge("judge.ts", "judge") });
  x.mmLongBenchWrite("told", {
    model: folder("."),
    items: rows,
    engine: { kind: "scripted", script: "script.json" },
    judge: programJudge("judge.ts", "judge"),
  });
  const tokens = (name: string) => hubDataset(`a/${name}`, { tokenVariable: "HF_TOKEN" });
  x.sft("far", {
    model: hub("a/model", { tokenVariable: "HF_TOKEN" }),
    dataset: tokens("rows"),
    gate: { dataset: tokens("gate"), atLeast: 0.5 },
  });
  x.audit("counted", { model: hub("a/model", { tokenVariable: "HF_TOKEN" }), dataset: tokens("rows") });
  x.mmLongBenchWrite("far-bench", { model: sft, items: tokens("items"), judge: programJudge("judge.ts", "judge") });
});

describe("a field of a job is named as the spec names it", () => {
  for (const [node, jobPath, path] of [
    ["small", "training.max_tokens", "stages.0.maxTokens"],
    ["small", "training.optimizer.peak_learning_rate", "stages.0.optimizer.peakLearningRate"],
    ["small", "training.steps", "stages.0.steps"],
    ["small", "training.seed", "stages.0.seed"],
    ["small", "training.gate.at_least", "stages.0.gate.atLeast"],
    ["small", "training.model_path", "stages.0.model"],
    ["small", "environment", "stages.0.resources.environment"],
    ["small/model", "model.vocabulary_size", "stages.0.model.vocabularySize"],
    ["small/model", "model.text.key_value_heads", "stages.0.model.text.keyValueHeads"],
    ["small/model", "model.seed", "stages.0.model.seed"],
    ["small/model", "model.vision_policy.max_pixels", "stages.0.visionPolicy.maxPixels"],
    ["small/gate-rows", "import.vision_policy.grid_multiple", "stages.0.visionPolicy.gridMultiple"],
    ["bench/texts", "generation.max_tokens", "stages.1.engine.maxTokens"],
    ["bench/texts", "generation.vision_policy", "stages.1.visionPolicy"],
    ["bench/texts", "generation.model_path", "stages.1.model"],
    ["bench/texts", "sampling.max_tokens", "stages.1.sampling.maxTokens"],
    ["told/texts", "model_path", "stages.2.engine.script"],
    ["far/model", "fetch.token_variable", "stages.3.model.tokenVariable"],
    ["far/rows-fetched", "fetch.token_variable", "stages.3.dataset.tokenVariable"],
    ["far/gate-rows-fetched", "fetch.token_variable", "stages.3.gate.dataset.tokenVariable"],
    ["counted/model", "fetch.token_variable", "stages.4.model.tokenVariable"],
    ["counted/rows-fetched", "fetch.token_variable", "stages.4.dataset.tokenVariable"],
    ["far-bench/items-fetched", "fetch.token_variable", "stages.5.items.tokenVariable"],
  ] as const)
    test(`${jobPath} of ${node}`, () => {
      expect(specPath(jobPath, node, spec)).toBe(path);
    });
});

test("what comes from no field of the spec stays as it is", () => {
  for (const path of ["training.checkpoint_path", "request_id", "images.0", "training", "training.constructor"])
    expect(specPath(path, "small", spec)).toBe(path);
  expect(specPath("training.max_tokens", "elsewhere", spec)).toBe("training.max_tokens");
});

test("only the place changes in the failure, and an error without one is left alone", () => {
  const error = new RunError({
    code: "spec_refused",
    detail: "too long",
    fieldPath: "training.max_tokens",
    facts: { found: "9", expected: "10" },
  });
  const named = namingSpec(error, "small", spec);
  expect(named).toMatchObject({ cause: error, failure: { ...error.failure, fieldPath: "stages.0.maxTokens" } });
  const other = new RunError({ code: "device_oom" });
  expect(namingSpec(other, "small", spec)).toBe(other);
});
