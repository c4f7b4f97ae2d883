import { experiment, folder, generated, hub, lora, programJudge, records, scratch, shareGpt } from "longform";
import { expect, test } from "vitest";
import { auditing, derivedName } from "../../sdk/experiment/auditing.js";
import { Experiment } from "../../sdk/spec/experiment.js";

const judge = programJudge("./judge.ts", "judge");
const model = scratch({
  corpus: generated("./world.ts", "rows"),
  text: { layers: 1, hiddenSize: 32, intermediateSize: 64, heads: 2, keyValueHeads: 2 },
  vision: { layers: 1, hiddenSize: 32, intermediateSize: 64, heads: 2 },
});

test("every training becomes an audit of its rows by the first model of its chain; benchmarks are left out", () => {
  const spec = experiment("chain", (x) => {
    const limits = { maxTokens: 512, tooLong: "cap", promptLayout: "textFirst" } as const;
    const visionPolicy = { maxPixels: 78_400 };
    const look = x.sft("look", { model, dataset: records("a.jsonl"), visionPolicy, tuning: lora() });
    const base = x.sft("base", { model: look, dataset: shareGpt("data", "decks"), visionPolicy, ...limits });
    x.audit("more", { model: base, dataset: records("b.jsonl"), visionPolicy });
    x.mmLongBenchWrite("bench", { model: base, items: records("items.jsonl"), judge, visionPolicy });
    x.sft("other", { model: folder("base"), dataset: records("c.jsonl") });
    x.sft("far", { model: hub("Qwen/Qwen2.5-VL-7B-Instruct"), dataset: records("c.jsonl"), epochs: 1 });
  });
  const audits = auditing(spec);
  expect(Experiment.parse(audits)).toEqual(audits);
  expect(audits?.name).toBe("chain-audit");
  const [look, base, , , other, far] = spec.stages;
  if (look?.kind !== "sft" || base?.kind !== "sft") throw new Error("no trainings");
  const audit = (name: string, fields: object) => ({ ...fields, kind: "audit", name });
  const fieldsOf = ({ dataset, visionPolicy, promptLayout, maxTokens, tooLong }: typeof look) => ({
    model: look.model,
    dataset,
    visionPolicy,
    promptLayout,
    maxTokens,
    tooLong,
  });
  expect(audits?.stages.map(({ name }) => name)).toEqual(["look", "base", "more", "other", "far"]);
  expect(audits?.stages.slice(0, 2)).toEqual([audit("look", fieldsOf(look)), audit("base", fieldsOf(base))]);
  expect(audits?.stages[2]).toEqual({ ...spec.stages[2], model: look.model });
  expect(audits?.stages.slice(3).map((stage) => stage.model)).toEqual([other?.model, far?.model]);
});

test("where nothing is trained there is nothing to count, and a long name stays a name", () => {
  const spec = experiment("bench", (x) => {
    x.mmLongBenchWrite("bench", { model: folder("base"), items: records("items.jsonl"), judge });
  });
  expect(auditing(spec)).toBeUndefined();
  expect(derivedName("a".repeat(63), "audit")).toBe(`${"a".repeat(57)}-audit`);
});
