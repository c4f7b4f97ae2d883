import { expect, test } from "vitest";
import { explainMiss } from "../../runners/store/explain-miss.js";

const parts = {
  kind: "sft",
  version: 2,
  spec: { epochs: 3, optimizer: { peakLearningRate: 0.001 }, frozenParts: ["vision"] },
  code: "abc",
};

test.each([
  [
    "a changed value",
    { ...parts, spec: { ...parts.spec, optimizer: { peakLearningRate: 0.002 } } },
    "spec.optimizer.peakLearningRate was 0.001 and is 0.002",
  ],
  ["the first of several", { ...parts, code: "xyz", version: 3 }, "version was 2 and is 3"],
  ["a new field", { ...parts, spec: { ...parts.spec, seed: 7 } }, "spec.seed is new: 7"],
  ["a field that is gone", { kind: "sft", version: 2, spec: parts.spec }, 'code is gone; it was "abc"'],
  [
    "an entry of a list",
    { ...parts, spec: { ...parts.spec, frozenParts: ["vision", "merger"] } },
    'spec.frozenParts.1 is new: "merger"',
  ],
  ["another kind of value", { ...parts, spec: null }, /^spec was \{"epochs":3,.*… and is null$/],
  ["nothing", structuredClone(parts), "nothing in its key has changed"],
  ["fields in another order", Object.fromEntries(Object.entries(parts).toReversed()), "nothing in its key has changed"],
])("a miss is explained by path: %s", (_, changed, sentence) => {
  expect(explainMiss(parts, changed)).toMatch(sentence);
});

test("a list that became an object is a change of the whole value", () => {
  expect(explainMiss({ a: [1] }, { a: { 0: 1 } })).toBe('a was [1] and is {"0":1}');
});
