import { experiment, hub, lora, presets, records } from "longform";
import { expect, test } from "vitest";
import { publishedSteps, samplerSteps } from "../../sdk/plan/steps.js";
import { presetOf } from "../../sdk/presets/index.js";
import { keptAssumptions } from "../../sdk/presets/preset.js";
import { Sft, type SftInput } from "../../sdk/spec/sft.js";

const names = ["longWriterV7b", "longWriterV72b"] as const;

function whole(input: SftInput): Sft {
  return Sft.parse({ kind: "sft", name: "sft", ...input });
}

/** Dotted paths of all values that are no objects. */
function leaves(value: unknown, path = ""): string[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [path];
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, path === "" ? key : `${path}.${key}`));
}

test("the published values are the published ones", () => {
  const values = (name: (typeof names)[number]) =>
    Object.fromEntries(presets.published(name).map(({ field, value }) => [field, value]));
  expect(values("longWriterV7b")).toMatchObject({
    "optimizer.peakLearningRate": 1e-5,
    examplesPerStep: 16,
    epochs: 3,
    seed: 42,
    "schedule.kind": "cosine",
    "schedule.warmupFraction": 0.1,
    "visionPolicy.maxPixels": 78_400,
  });
  expect(values("longWriterV72b")).toMatchObject({
    "optimizer.peakLearningRate": 7e-6,
    examplesPerStep: 288,
    "resources.nodes": 3,
    "resources.ranksPerNode": 8,
  });
});

test.each(names)("every value that %s sets is published with a source or assumed with a reason", (name) => {
  const published = presets.published(name);
  const assumed = presets.assumptions(name);
  const covered = [...published, ...assumed].map(({ field }) => field);
  expect(new Set(covered).size).toBe(covered.length);
  // Forms of the parts, a grid that the model asks for.
  const given = ["model.kind", "dataset.kind", "visionPolicy.gridMultiple"];
  const open = leaves(presets[name]()).filter(
    (leaf) => !given.includes(leaf) && !covered.some((field) => leaf === field || leaf.startsWith(`${field}.`)),
  );
  expect(open).toEqual([]);
  expect([...published.map(({ source }) => source), ...assumed.map(({ why }) => why)]).not.toContain("");
});

test.each([
  ["longWriterV7b", 10_000, 1_875, 1_875],
  ["longWriterV7b", 19_378, 3_633, 3_634],
  ["longWriterV72b", 10_000, 104, 105],
  ["longWriterV72b", 19_378, 202, 202],
] as const)("%s on %i rows: %i steps as published, %i as the sampler takes them", (name, rows, published, sampled) => {
  const spec = whole(presets[name]());
  expect(publishedSteps(rows, spec)).toBe(published);
  expect(samplerSteps(rows, spec)).toBe(sampled);
});

test("a preset fits an experiment, on other rows too", () => {
  const spec = experiment("rows", (x) => {
    x.sft("sft", presets.longWriterV7b({ dataset: records("rows.jsonl") }));
  });
  expect(spec.stages[0]).toMatchObject({ dataset: { kind: "records" }, zero: { stage: 3 } });
});

test("a training is recognised as a preset by its published values, and what was changed is no longer assumed", () => {
  const own = whole(presets.longWriterV72b());
  expect(presetOf(own)?.name).toBe("longWriterV72b");
  const changed = whole({ ...presets.longWriterV7b(), zero: { stage: 2 } });
  const found = presetOf(changed);
  expect(found?.name).toBe("longWriterV7b");
  const kept = found === undefined ? [] : keptAssumptions(changed, found.preset).map(({ field }) => field);
  expect(kept).not.toContain("zero");
  expect(kept).toContain("maxTokens");
  expect(presetOf(whole({ ...presets.longWriterV7b(), tuning: lora() }))).toBeUndefined();
});

test("a commit of the published model is still the published model, and its revision no longer assumed", () => {
  const pinned = (repository: string) =>
    whole({ ...presets.longWriterV7b(), model: hub(repository, { revision: "0123456789abcdef" }) });
  const own = pinned("Qwen/Qwen2.5-VL-7B-Instruct");
  const found = presetOf(own);
  expect(found?.name).toBe("longWriterV7b");
  const kept = found === undefined ? [] : keptAssumptions(own, found.preset).map(({ field }) => field);
  expect(kept).toContain("dataset.revision");
  expect(kept).not.toContain("model.revision");
  expect(presetOf(pinned("Qwen/Qwen2-VL-7B-Instruct"))).toBeUndefined();
});
