import {
  experiment,
  folder,
  full,
  generated,
  hub,
  hubDataset,
  lora,
  programJudge,
  records,
  scratch,
  shareGpt,
} from "longform";
import { expect, test } from "vitest";
import { type Likeness, rehearsal } from "../../sdk/experiment/rehearsal.js";
import { findMismatches } from "../../sdk/plan/findings.js";
import { parseJudgeReply } from "../../sdk/method/index.js";

const judge = programJudge("./judge.ts", "judge");
const qwen25: Likeness = { architecture: "qwen2_5_vl", patchSize: 14, mergeSize: 2 };
const qwen3: Likeness = { architecture: "qwen3_vl", patchSize: 16, mergeSize: 2 };
const rehearse = (spec: ReturnType<typeof experiment>, likenesses: Record<string, Likeness> = {}) =>
  rehearsal(spec, { likenesses: new Map(Object.entries(likenesses)), spareRows: "/spare.jsonl" });

const kept = {
  visionPolicy: { maxPixels: 78_400, background: "#000000" },
  promptLayout: "inline",
  maxTokens: 9_000,
  tooLong: "cap",
  tuning: lora({ rank: 8, targets: ["language", "merger"] }),
  zero: { stage: 2, offloadOptimizer: true },
  precision: "bfloat16",
  tokensPerPass: 4_096,
  lossNormalisation: "example",
} as const;

test("a rehearsal keeps what decides whether a training works, and makes the rest small", () => {
  const spec = experiment("real", (x) => {
    x.sft("sft", {
      ...kept,
      model: hub("Qwen/Qwen2.5-VL-7B-Instruct"),
      dataset: hubDataset("THU-KEG/LongWriter-V-22K"),
      epochs: 3,
      examplesPerStep: 16,
      checkpointEverySteps: 100,
      gate: { dataset: records("held-out.jsonl"), atLeast: 0.9 },
      resources: { ranksPerNode: 8, threads: 4 },
    });
  });
  const { experiment: derived, replaced } = rehearse(spec, { sft: qwen25 });
  expect(derived.name).toBe("real-rehearsal");
  const [real] = spec.stages;
  const [stage] = derived.stages;
  if (real?.kind !== "sft" || stage?.kind !== "sft") throw new Error("no training");
  const { model, dataset, steps, examplesPerStep, checkpointEverySteps, resources, ...same } = stage;
  expect(real).toMatchObject(same);
  expect(stage.gate).toBeUndefined();
  expect({ steps, examplesPerStep, checkpointEverySteps }).toEqual({
    steps: 2,
    examplesPerStep: 2,
    checkpointEverySteps: 0,
  });
  expect(resources).toEqual({ ...real.resources, ranksPerNode: 2 });
  expect(dataset).toEqual({ ...real.dataset, limit: 2 });
  expect(model).toMatchObject({
    kind: "scratch",
    architecture: "qwen2_5_vl",
    corpus: { kind: "hub", repository: "THU-KEG/LongWriter-V-22K" },
    text: { maxPositions: 9_000 },
  });
  expect(findMismatches(derived)).toEqual([]);
  expect(replaced.map(({ field, real: was, rehearsed }) => `${field}: ${was} -> ${rehearsed}`)).toEqual([
    "model: Qwen/Qwen2.5-VL-7B-Instruct of the hub -> a tiny qwen2_5_vl with random weights",
    "dataset: THU-KEG/LongWriter-V-22K of the hub -> its first 2 rows",
    "steps: 3 epochs -> 2",
    "checkpoints: every 100 steps -> none",
    "gate: exactMatch of at least 0.9 -> none",
    "ranks: 8 ranks -> 2 ranks",
  ]);
});

test.each([
  [
    { nodes: 1, ranksPerNode: 1 },
    { nodes: 1, ranksPerNode: 1 },
  ],
  [
    { nodes: 1, ranksPerNode: 2 },
    { nodes: 1, ranksPerNode: 2 },
  ],
  [
    { nodes: 2, ranksPerNode: 1 },
    { nodes: 2, ranksPerNode: 1 },
  ],
  [
    { nodes: 4, ranksPerNode: 8 },
    { nodes: 2, ranksPerNode: 1 },
  ],
])("of %j there are at most two ranks in all: %j", (resources, fewer) => {
  const spec = experiment("ranks", (x) => {
    x.sft("sft", { model: folder("base"), dataset: records("rows.jsonl"), resources });
  });
  expect(rehearse(spec, { sft: qwen25 }).experiment.stages[0]).toMatchObject({ resources: fewer });
});

test("models pass from stage to stage as in the real run; a new model keeps its shape and reads less", () => {
  const model = scratch({
    architecture: "qwen3_vl",
    corpus: generated("./world.ts", "rows", { count: 600 }),
    text: { layers: 3, hiddenSize: 32, intermediateSize: 64, heads: 2, keyValueHeads: 2 },
    vision: { layers: 1, hiddenSize: 32, intermediateSize: 64, heads: 2, patchSize: 16 },
  });
  const visionPolicy = { gridMultiple: 32 };
  const spec = experiment("chain", (x) => {
    const look = x.sft("look", { model, dataset: records("a.jsonl"), visionPolicy, tuning: full(), steps: 300 });
    x.audit("count", { model: look, dataset: shareGpt("data", "decks"), visionPolicy });
    x.mmLongBenchWrite("bench", {
      model: look,
      items: records("items.jsonl"),
      visionPolicy,
      judge,
      samplesPerItem: 4,
      sampling: { maxTokens: 8_192, minTokens: 100 },
    });
  });
  const { experiment: derived } = rehearse(spec);
  const [look, count, bench] = derived.stages;
  expect(look?.model).toEqual({ ...spec.stages[0]?.model, corpus: { ...generatedRows(spec), limit: 32 } });
  expect(count).toMatchObject({ model: { stage: "look" }, dataset: { name: "decks", limit: 2 } });
  expect(bench).toMatchObject({
    model: { stage: "look" },
    items: { limit: 2 },
    samplesPerItem: 1,
    sampling: { maxTokens: 16, minTokens: 0 },
    judge: { kind: "scripted" },
  });
  if (bench?.kind !== "mmLongBenchWrite" || bench.judge.kind !== "scripted") throw new Error("no scripted judge");
  expect(parseJudgeReply({ text: bench.judge.reply }).status).toBe("judged");
});

function generatedRows(spec: ReturnType<typeof experiment>) {
  const model = spec.stages[0]?.model;
  return model?.kind === "scratch" ? model.corpus : undefined;
}

test("a benchmark of a finished model writes with a tiny one that a training has had: one of the experiment's or a spare one", () => {
  const spec = experiment("benches", (x) => {
    const bench = { items: records("items.jsonl"), judge };
    x.mmLongBenchWrite("before", { ...bench, model: folder("base") });
    x.sft("sft", { model: folder("base"), dataset: records("rows.jsonl") });
    x.mmLongBenchWrite("published", { ...bench, model: hub("THU-KEG/LongWriter-V-7B") });
    x.mmLongBenchWrite("other", {
      ...bench,
      model: hub("Qwen/Qwen3-VL-8B-Instruct"),
      visionPolicy: { gridMultiple: 32 },
    });
    x.mmLongBenchWrite("told", {
      ...bench,
      model: folder("base"),
      engine: { kind: "scripted", script: "script.json" },
    });
  });
  const likenesses = { before: qwen25, sft: qwen25, published: qwen25, other: qwen3 };
  const { experiment: derived } = rehearse(spec, likenesses);
  expect(findMismatches(derived)).toEqual([]);
  expect(
    derived.stages.map(({ name, model }) => `${name} ${model.kind === "stage" ? model.stage : model.kind}`),
  ).toEqual([
    "before-model scratch",
    "before before-model",
    "sft scratch",
    "published before-model",
    "other-model scratch",
    "other other-model",
    "told folder",
  ]);
  expect(derived.stages[0]).toMatchObject({ dataset: { path: "/spare.jsonl" }, steps: 1 });
});
