import { expect, test } from "vitest";
import { languageForwardFlops, trainingFlops, visionForwardFlops } from "../../sdk/plan/compute.js";
import { tuneParameters } from "../../sdk/plan/parameters.js";
import { full, lora, Tuning, type TuningInput } from "../../sdk/spec/tuning.js";
import { shapeOf } from "./shapes.js";

const seven = shapeOf("Qwen2.5-VL-7B");
const row = (tokens: number) => ({ tokens, targetTokens: tokens, squaredTokens: tokens ** 2 });

/** Tokens of a sequence, 10¹² operations of its training, share of attention, tokens a second on an H100 at 40 %. */
const published: readonly (readonly [number, number, number, number])[] = [
  [4_096, 184, 0.05, 8_810],
  [8_192, 388, 0.1, 8_350],
  [16_384, 857, 0.19, 7_570],
  [32_768, 2_037, 0.32, 6_370],
  [65_536, 5_366, 0.48, 4_830],
  [131_072, 15_904, 0.65, 3_260],
];

test.each(published)(
  "training a 7B on a row of %i tokens takes the published operations",
  (tokens, tera, share, speed) => {
    const found = 3 * languageForwardFlops(seven, row(tokens));
    expect(Math.abs(found / 1e12 / tera - 1)).toBeLessThan(0.02);
    const withoutAttention = 3 * languageForwardFlops(seven, { ...row(tokens), squaredTokens: 0 });
    expect(1 - withoutAttention / found).toBeCloseTo(share, 2);
    expect(Math.abs((tokens * 989e12 * 0.4) / found / speed - 1)).toBeLessThan(0.02);
  },
);

test("the vision tower takes 7 x 10¹² operations for an image of 1,280 tokens", () => {
  expect(Math.abs(visionForwardFlops(seven, 4 * 1_280, 1) / 7.0e12 - 1)).toBeLessThan(0.02);
  expect(visionForwardFlops(seven, 4 * 1_280, 3)).toBe(3 * visionForwardFlops(seven, 4 * 1_280, 1));
});

test("the head counts at target positions alone", () => {
  const half = languageForwardFlops(seven, { ...row(8_192), targetTokens: 4_096 });
  expect(languageForwardFlops(seven, row(8_192)) - half).toBe(2 * 544_997_376 * 4_096);
});

test("weights that stay are passed through, and what lies before all that learns is computed once", () => {
  const work = row(8_192);
  const images = { images: 10, patchesPerImage: 400 };
  const flops = (input: TuningInput, withImages = images) => {
    const tuning = Tuning.parse(input);
    return trainingFlops(seven, tuneParameters(seven, tuning), tuning, work, withImages);
  };
  const language = languageForwardFlops(seven, work);
  const tower = visionForwardFlops(seven, 400, 10);
  const none = { images: 0, patchesPerImage: 400 };
  expect(flops(full(), none)).toBe(3 * language);
  expect(flops(lora(), none)).toBe(2 * language);
  expect(flops(full({ frozenParts: ["language"] }), none)).toBe(2 * language);
  expect(flops(full({ frozenParts: [] })) - flops(full({ frozenParts: ["vision"] }))).toBeCloseTo(2 * tower, -6);
});
