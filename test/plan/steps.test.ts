import { expect, test } from "vitest";
import { planSteps, publishedSteps, samplerSteps } from "../../sdk/plan/steps.js";

/** Rows, examples in a step, steps as published, steps that the sampler takes; three epochs each. */
const arithmetic: readonly (readonly [number, number, number, number])[] = [
  [10_000, 16, 1_875, 1_875],
  [19_378, 16, 3_633, 3_634],
  [10_000, 288, 104, 105],
  [19_378, 288, 202, 202],
];

test.each(arithmetic)(
  "%i rows in steps of %i: the published count, and what really runs",
  (rows, examples, published, sampled) => {
    const settings = { epochs: 3, examplesPerStep: examples };
    expect(publishedSteps(rows, settings)).toBe(published);
    expect(samplerSteps(rows, settings)).toBe(sampled);
  },
);

test("steps of the spec stand above its epochs", () => {
  const settings = { epochs: 3, steps: 7, examplesPerStep: 16 };
  const plan = planSteps(56, 100, settings, { ranks: 1, tokensPerPass: 8_192 });
  expect(plan).toMatchObject({ steps: 7, roundedSteps: null, rowsSeen: 112, epochs: 2 });
});

test("rows are packed into as few passes as hold them, and a long row is a pass of its own", () => {
  const settings = { epochs: 1, examplesPerStep: 16 };
  const passes = (tokensPerRow: number, ranks: number) =>
    planSteps(160, tokensPerRow, settings, { ranks, tokensPerPass: 8_192 }).passesPerStep;
  expect(passes(1_000, 1)).toBe(2);
  expect(passes(1_000, 2)).toBe(1);
  expect(passes(20_000, 8)).toBe(2);
  expect(passes(100, 32)).toBe(1);
});
