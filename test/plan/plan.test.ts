import { experiment, folder, full, generated, hub, lora, programJudge, records, scratch } from "longform";
import { expect, test } from "vitest";
import { findMismatches } from "../../sdk/plan/findings.js";
import { planStages } from "../../sdk/plan/stages.js";

const judge = programJudge("./judge.ts", "judge");
const model = scratch({
  corpus: generated("./world.ts", "rows"),
  text: { layers: 1, hiddenSize: 32, intermediateSize: 64, heads: 2, keyValueHeads: 2 },
  vision: { layers: 1, hiddenSize: 32, intermediateSize: 64, heads: 2 },
});

test("all rows are read and counted before anything expensive, then every node after what it needs", () => {
  const spec = experiment("order", (x) => {
    const sft = x.sft("sft", {
      model,
      dataset: records("rows.jsonl"),
      gate: { dataset: records("held-out.jsonl"), atLeast: 0.9 },
    });
    x.mmLongBenchWrite("bench", { model: sft, items: records("items.jsonl"), judge });
  });
  expect(planStages(spec).map(({ id, kind }) => `${id} ${kind}`)).toEqual([
    "sft/gate-rows import",
    "sft/rows import",
    "sft/corpus corpus",
    "sft/model makeModel",
    "sft/audit audit",
    "bench/items import",
    "sft sft",
    "bench/texts generate",
    "bench/verdicts judge",
    "bench score",
  ]);
});

test("a benchmark that sees other pixels than its model was trained on is refused", () => {
  const spec = experiment("pixels", (x) => {
    const sft = x.sft("sft", {
      model: folder("base"),
      dataset: records("rows.jsonl"),
      visionPolicy: { maxPixels: 78_400 },
    });
    x.mmLongBenchWrite("bench", { model: sft, items: records("items.jsonl"), judge });
  });
  expect(findMismatches(spec).map(({ path }) => path)).toEqual(["stages.1.visionPolicy"]);
});

test("fields that fit their bounds but not one another are named with both numbers", () => {
  const spec = experiment("fit", (x) => {
    x.sft("sft", {
      model: folder("base"),
      dataset: records("rows.jsonl"),
      tuning: full({ frozenParts: ["vision", "merger", "language"] }),
    });
    x.mmLongBenchWrite("bench", {
      model: folder("base"),
      items: records("items.jsonl"),
      judge,
      sampling: { maxTokens: 512 },
      engine: { kind: "transformers", maxTokens: 512 },
    });
  });
  expect(findMismatches(spec)).toEqual([
    { path: "stages.0.tuning.frozenParts", found: "all three parts", expected: "at least one part left to train" },
    {
      path: "stages.1.sampling.maxTokens",
      found: "512",
      expected: "less than engine.maxTokens (512), which the prompt shares",
    },
  ]);
});

test("pixels that the patches of a known model do not divide are refused", () => {
  const spec = experiment("grid", (x) => {
    const dataset = records("rows.jsonl");
    x.sft("fits", { model: hub("Qwen/Qwen2.5-VL-7B-Instruct"), dataset });
    x.sft("differs", { model: hub("Qwen/Qwen3-VL-8B-Instruct"), dataset });
    x.audit("counts", { model: hub("Qwen/Qwen3-VL-8B-Instruct"), dataset, visionPolicy: { gridMultiple: 64 } });
  });
  expect(findMismatches(spec)).toEqual([
    {
      path: "stages.1.visionPolicy.gridMultiple",
      found: "28",
      expected: "a multiple of 32, the patch size times the merge size of the model",
    },
  ]);
});

test("adapters on the attention of a merger, which has none, are refused", () => {
  const spec = experiment("adapters", (x) => {
    const dataset = records("rows.jsonl");
    x.sft("all", { model: folder("base"), dataset, tuning: lora({ targets: ["merger"] }) });
    x.sft("attention", { model: folder("base"), dataset, tuning: lora({ targets: ["merger"], layers: "attention" }) });
  });
  expect(findMismatches(spec)).toEqual([
    { path: "stages.1.tuning.targets", found: "merger", expected: "parts with attention: a merger has none" },
  ]);
});
