import { describe, expect, test } from "vitest";
import {
  coverageBounds,
  meanOfTwoMeans,
  meanOverItems,
  type Observation,
  pairedDifference,
  randomFromSeed,
} from "../../sdk/method/index.js";
import { thrownFault } from "./thrown-fault.js";

const seed = "golden";
const observe = (values: readonly (number | undefined)[]): Observation[] =>
  values.flatMap((value, index) => (value === undefined ? [] : [{ id: `item-${index}`, value }]));
const near = (value: number): unknown => expect.closeTo(value, 10);
const FIRST = [0, 10, 25, 50, 100, 75, 62.5];

describe("a mean over items", () => {
  test("has the interval that an independent computation in NumPy found", () => {
    const mean = meanOverItems(observe(FIRST), 8, { seed, resamples: 500 });
    expect(mean).toEqual({
      status: "estimated",
      value: near(46.07142857142857),
      n: 7,
      denominator: 8,
      samples: 7,
      interval: {
        status: "estimated",
        lower: near(22.5),
        upper: near(69.64285714285714),
        level: 0.95,
        resamples: 500,
      },
    });
  });

  test("is equal for equal data in any order, and for an equal seed only", () => {
    const mean = meanOverItems(observe(FIRST), 7, { seed });
    expect(meanOverItems(observe(FIRST).toReversed(), 7, { seed })).toEqual(mean);
    expect(meanOverItems(observe(FIRST), 7, { seed: "other" })).not.toEqual(mean);
  });

  test("is equal to the last bit in whatever order the samples of an item came", () => {
    const samples = [0.1, 0.2, 0.3].map((value) => ({ id: "a", value }));
    expect(meanOverItems(samples.toReversed(), 1, { seed })).toEqual(meanOverItems(samples, 1, { seed }));
  });

  test("holds the truth in about 95 of 100 intervals", () => {
    const random = randomFromSeed("coverage");
    const rounds = 400;
    let held = 0;
    for (let round = 0; round < rounds; round += 1) {
      const values = Array.from({ length: 60 }, () => random.below(101));
      const mean = meanOverItems(observe(values), 60, { seed: `round ${round}`, resamples: 400 });
      if (mean.status !== "estimated" || mean.interval.status !== "estimated") throw new Error("not estimated");
      if (mean.interval.lower <= 50 && 50 <= mean.interval.upper) held += 1;
    }
    expect(held / rounds).toBeGreaterThan(0.91);
    expect(held / rounds).toBeLessThan(0.98);
  });

  test("takes an item with many samples as one item and draws it whole", () => {
    const many = Array.from({ length: 50 }, () => ({ id: "a", value: 100 }));
    const mean = meanOverItems([...many, { id: "b", value: 0 }], 2, { seed });
    expect(mean).toMatchObject({ value: 50, n: 2, denominator: 2, samples: 51 });
    expect(mean).toMatchObject({ interval: { lower: 0, upper: 100 } });
  });

  test("of one item has a value and no interval", () => {
    const samples = [70, 80].map((value) => ({ id: "only", value }));
    expect(meanOverItems(samples, 1, { seed })).toEqual({
      status: "estimated",
      value: 75,
      n: 1,
      denominator: 1,
      samples: 2,
      interval: { status: "not_estimable", reason: "one_item" },
    });
  });

  test("of no value is not estimable and keeps its denominator", () => {
    const unknown = { status: "not_estimable", reason: "no_values", n: 0, denominator: 3, samples: 0 };
    expect(meanOverItems([], 3, { seed })).toEqual(unknown);
  });

  test("of equal values has an interval of no width", () => {
    const mean = meanOverItems(observe([75, 75, 75]), 3, { seed });
    expect(mean).toMatchObject({ value: 75, interval: { lower: 75, upper: 75 } });
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])("refuses a value of %f by its item", (value) => {
    expect(thrownFault(() => meanOverItems(observe([1, value]), 2, { seed }))).toEqual({
      code: "value_not_finite",
      found: value,
      item: "item-1",
    });
  });

  test("refuses a denominator below the number of values, and too few resamples", () => {
    expect(thrownFault(() => meanOverItems(observe(FIRST), 6, { seed }))).toMatchObject({ option: "denominator" });
    expect(thrownFault(() => meanOverItems(observe(FIRST), 7, { seed, resamples: 99 }))).toMatchObject({
      option: "resamples",
      found: "99",
    });
  });
});

describe("a mean of two means", () => {
  const second = [undefined, 5, 20, 30, 80, 90, 100];
  const first = [...FIRST.slice(0, 6), undefined];

  test("draws items with both values and has the interval that NumPy found", () => {
    const mean = meanOfTwoMeans(observe(first), observe(second), 9, { seed, resamples: 500 });
    expect(mean).toMatchObject({ value: 48.75, n: 5, denominator: 9, samples: 12 });
    expect(mean).toMatchObject({
      interval: {
        lower: near(22.5),
        upper: near(73.75892857142857),
        resamples: 500,
      },
    });
  });

  test("is narrower where the two move against each other than where they move together", () => {
    const rising = Array.from({ length: 40 }, (_, index) => index);
    const width = (other: number[]) => {
      const mean = meanOfTwoMeans(observe(rising), observe(other), 40, { seed });
      if (mean.status !== "estimated" || mean.interval.status !== "estimated") throw new Error("not estimated");
      return mean.interval.upper - mean.interval.lower;
    };
    expect(width(rising.toReversed())).toBeCloseTo(0, 10);
    expect(width(rising)).toBeGreaterThan(5);
  });

  test("is not estimable without one of them, and has no interval where one rests on one item", () => {
    expect(meanOfTwoMeans(observe(FIRST), [], 7, { seed })).toMatchObject({ status: "not_estimable", n: 0 });
    expect(meanOfTwoMeans([], [], 0, { seed })).toMatchObject({ status: "not_estimable", denominator: 0 });
    expect(meanOfTwoMeans(observe(FIRST), observe([80]), 7, { seed })).toMatchObject({
      n: 1,
      interval: { status: "not_estimable", reason: "one_item" },
    });
  });

  test("leaves out draws that miss one of them", () => {
    const sparse = Array.from({ length: 42 }, (_, index) => (index < 2 ? index : undefined));
    const rising = Array.from({ length: 42 }, (_, index) => index);
    const mean = meanOfTwoMeans(observe(sparse), observe(rising), 42, { seed });
    if (mean.status !== "estimated" || mean.interval.status !== "estimated") throw new Error("not estimated");
    // A draw of 42 misses both of the two items with probability (40/42)^42, about one in eight.
    expect(mean.interval.resamples).toBeGreaterThan(1_650);
    expect(mean.interval.resamples).toBeLessThan(1_850);
    expect(Number.isFinite(mean.interval.lower + mean.interval.upper)).toBe(true);
  });
});

test("coverage bounds put the least and the most in the place of missing items", () => {
  const mean = meanOverItems(observe([60, 80]), 5, { seed });
  expect(coverageBounds(mean, 0, 100)).toEqual({ lower: 28, upper: 88 });
  expect(coverageBounds(meanOverItems(observe([60, 80]), 2, { seed }), 0, 100)).toEqual({ lower: 70, upper: 70 });
  expect(coverageBounds(meanOverItems([], 5, { seed }), 0, 100)).toEqual({ lower: 0, upper: 100 });
});

describe("a paired difference", () => {
  test("is candidate minus baseline, with an interval of the pairs and not of the items", () => {
    const baseline = Array.from({ length: 30 }, (_, index) => index * 3);
    const candidate = baseline.map((value, index) => value + (index % 2));
    const difference = pairedDifference(observe(baseline), observe(candidate).toReversed(), { seed });
    expect(difference).toMatchObject({ status: "estimated", difference: 0.5, n: 30 });
    if (difference.status !== "estimated" || difference.interval.status !== "estimated")
      throw new Error("not estimated");
    expect(difference.interval.lower).toBeGreaterThan(0.3);
    expect(difference.interval.upper).toBeLessThan(0.7);
  });

  test("compares items by the mean of their samples", () => {
    const baseline = [{ id: "a", value: 10 }, ...[20, 40].map((value) => ({ id: "b", value }))];
    const candidate = [{ id: "b", value: 50 }, ...[0, 20].map((value) => ({ id: "a", value }))];
    expect(pairedDifference(baseline, candidate, { seed })).toMatchObject({ difference: 10, n: 2 });
  });

  test("refuses items that only one side has and names them", () => {
    const shared = { id: "shared", value: 1 };
    const compare = () =>
      pairedDifference([shared, { id: "old", value: 1 }], [shared, { id: "new", value: 1 }], { seed });
    expect(thrownFault(compare)).toEqual({ code: "ids_differ", onlyInBaseline: ["old"], onlyInCandidate: ["new"] });
    expect(compare).toThrow('1 only in the baseline ("old"), 1 only in the candidate ("new")');
  });

  test("of one item has no interval, of none no value", () => {
    expect(pairedDifference(observe([1]), observe([3]), { seed })).toEqual({
      status: "estimated",
      difference: 2,
      n: 1,
      interval: { status: "not_estimable", reason: "one_item" },
    });
    expect(pairedDifference([], [], { seed })).toEqual({ status: "not_estimable", reason: "no_values", n: 0 });
  });
});
