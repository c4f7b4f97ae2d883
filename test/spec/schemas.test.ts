import { expect, test } from "vitest";
import { parseSpec, SpecError } from "../../sdk/experiment/spec-error.js";
import { specKinds } from "../../sdk/spec/index.js";
import { BenchRow } from "../../sdk/spec/rows.js";
import { VisionPolicy } from "../../sdk/spec/vision-policy.js";

test.each(Object.entries(specKinds))(
  "the smallest example of %s is valid, and parses to itself once more",
  (_, { schema, example }) => {
    const once = parseSpec(schema, example);
    expect(parseSpec(schema, once)).toEqual(once);
  },
);

const row = { id: "a", task: "PPT Script", language: "en", prompt: "Write.", requiredLength: 100, images: [] };

test.each([0, -1, 1.5, 1e9, Number.NaN, "100"])("a required length of %s is refused", (requiredLength) => {
  expect(() => parseSpec(BenchRow, { ...row, requiredLength })).toThrow(SpecError);
});

test("a benchmark row keeps its further fields for judges and measures", () => {
  expect(parseSpec(BenchRow, { ...row, facts: [1, 2] })).toMatchObject({ facts: [1, 2] });
});

test("bounds of a vision policy must leave room for one image", () => {
  expect(VisionPolicy.safeParse({ minPixels: 2_000, maxPixels: 1_000 }).success).toBe(false);
  expect(VisionPolicy.safeParse({ minPixels: 1, maxPixels: 783 }).success).toBe(false);
  expect(VisionPolicy.safeParse({ minPixels: 1, maxPixels: 784 }).success).toBe(true);
});
