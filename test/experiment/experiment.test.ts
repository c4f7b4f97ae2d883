import { experiment, folder, programJudge, records, SpecError } from "longform";
import { expect, test } from "vitest";

const judge = programJudge("./judge.ts", "judge");
const items = records("items.jsonl");

function findingsOf(build: () => unknown) {
  try {
    build();
  } catch (error) {
    if (error instanceof SpecError) return error.findings;
    throw error;
  }
  throw new Error("the spec was taken");
}

test("a stage's model feeds the next stage, and every default is filled in", () => {
  const spec = experiment("chain", (x) => {
    const first = x.sft("first", { model: folder("base"), dataset: records("rows.jsonl") });
    x.mmLongBenchWrite("bench", { model: first, items, judge });
  });
  const [sft, bench] = spec.stages;
  expect(bench?.model).toEqual({ kind: "stage", stage: "first", gives: "model" });
  expect(
    sft?.kind === "sft" && [
      sft.epochs,
      sft.optimizer.peakLearningRate,
      sft.schedule.warmupFraction,
      sft.lossNormalisation,
    ],
  ).toEqual([3, 1e-5, 0.1, "token"]);
});

test("scores are no model: the compiler says so, and so does the schema", () => {
  const findings = findingsOf(() =>
    experiment("wrong", (x) => {
      const scores = x.mmLongBenchWrite("bench", { model: folder("base"), items, judge });
      // @ts-expect-error scores of a benchmark are not a model
      x.sft("sft", { model: scores, dataset: records("rows.jsonl") });
    }),
  );
  expect(findings[0]).toMatchObject({ path: "stages.1.model.gives", found: '"scores"', expected: '"model"' });
});

test("a misspelt key is named with the nearest one, at any depth, beside every other finding", () => {
  const findings = findingsOf(() =>
    experiment("typos", (x) => {
      x.sft("sft", {
        model: folder("base"),
        dataset: records("rows.jsonl"),
        // @ts-expect-error an optimizer has no such key
        optimizer: { peakLearningRat: 1e-5 },
        examplesPerStep: 0,
      });
    }),
  );
  expect(findings).toContainEqual(
    expect.objectContaining({ path: "stages.0.optimizer.peakLearningRat", nearest: "peakLearningRate" }),
  );
  expect(findings).toContainEqual({ path: "stages.0.examplesPerStep", found: "0", expected: "at least 1" });
});

test("a name is taken once, and a stage may only use the model of an earlier one", () => {
  const findings = findingsOf(() =>
    experiment("names", (x) => {
      x.sft("same", { model: { kind: "stage", stage: "later", gives: "model" }, dataset: records("rows.jsonl") });
      x.sft("same", { model: folder("base"), dataset: records("rows.jsonl") });
    }),
  );
  expect(findings.map(({ path }) => path)).toEqual(["stages.0.model.stage", "stages.1.name"]);
});
