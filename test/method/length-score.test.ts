import { describe, expect, test } from "vitest";
import { lengthScore, randomFromSeed } from "../../sdk/method/index.js";
import { thrownFault } from "./thrown-fault.js";

describe("an output measured against 1,000 required words", () => {
  test.each([
    [500, 66.7, 50.0],
    [800, 91.7, 87.5],
    [1000, 100, 100],
    [1100, 95.0, 96.7],
    [1500, 75.0, 83.3],
    [2000, 50.0, 66.7],
    [3000, 0, 33.3],
    [4000, 0, 0],
    [333, 33.2, 0],
    [250, 0, 0],
    [0, 0, 0],
    [1_000_000_000, 0, 0],
  ])("of %i words scores %f by the published code and %f by equation 6", (words, code, eq6) => {
    expect(lengthScore(words, 1000, "published-code")).toBeCloseTo(code, 1);
    expect(lengthScore(words, 1000, "eq-6")).toBeCloseTo(eq6, 1);
  });
});

test("the published code raises both lengths to two words, equation 6 does not", () => {
  expect(lengthScore(0, 2, "published-code")).toBe(100);
  expect(lengthScore(0, 4, "published-code")).toBeCloseTo(66.667, 3);
  expect(lengthScore(1, 1, "published-code")).toBe(100);
  expect(lengthScore(2, 1, "published-code")).toBe(100);
  expect(lengthScore(0, 2, "eq-6")).toBe(0);
  expect(lengthScore(0, 1, "eq-6")).toBe(0);
  expect(lengthScore(2, 1, "eq-6")).toBeCloseTo(66.667, 3);
});

test("both formulas fall on both sides of the required length and stay within 0 and 100", () => {
  const random = randomFromSeed("length score");
  for (let round = 0; round < 2_000; round += 1) {
    const required = 2 + random.below(5_000);
    const [near, far] = [random.below(3 * required), random.below(3 * required)].toSorted(
      (one, other) => Math.abs(one - required) - Math.abs(other - required),
    );
    if (near === undefined || far === undefined || near > required !== far > required) continue;
    for (const formula of ["eq-6", "published-code"] as const) {
      const [better, worse] = [lengthScore(near, required, formula), lengthScore(far, required, formula)];
      expect(better).toBeGreaterThanOrEqual(worse);
      expect(worse).toBeGreaterThanOrEqual(0);
      expect(better).toBeLessThanOrEqual(100);
    }
  }
});

test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])("a required length of %f is refused", (required) => {
  for (const formula of ["eq-6", "published-code"] as const)
    expect(thrownFault(() => lengthScore(10, required, formula))).toEqual({
      code: "required_length_invalid",
      found: required,
    });
});

test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])("an output length of %f is refused", (words) => {
  expect(thrownFault(() => lengthScore(words, 10, "eq-6"))).toEqual({ code: "output_length_invalid", found: words });
});
