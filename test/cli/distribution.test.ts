import { expect, test } from "vitest";
import { distributionOf } from "../../runners/cli/distribution.js";

test("quantiles are values that occur, by nearest rank", () => {
  const values = Array.from({ length: 200 }, (_, index) => 200 - index);
  expect(distributionOf(values)).toMatchObject({ total: 20_100, min: 1, median: 100, p90: 180, p99: 198, max: 200 });
  expect(distributionOf([7])).toEqual({
    total: 7,
    min: 7,
    median: 7,
    p90: 7,
    p99: 7,
    max: 7,
    bins: [{ from: 7, to: 7, rows: 1 }],
  });
  expect(distributionOf([])).toBeNull();
});

test.each([
  [[0, 0, 0]],
  [[1, 12]],
  [[1, 13]],
  [[64, 511, 512, 513, 9_999]],
  [[4_095, 4_096, 32_768, 40_001]],
  [Array.from({ length: 500 }, (_, index) => (index * 7_919) % 30_011)],
])("bins hold every value once, follow one another, and are few", (values) => {
  for (const limit of [Number.POSITIVE_INFINITY, 16, 512, 9_998, 32_768]) {
    const { bins = [], min = -1, max = -1 } = distributionOf(values, limit) ?? {};
    expect(bins.reduce((sum, { rows }) => sum + rows, 0)).toBe(values.length);
    expect(bins[0]?.from).toBeLessThanOrEqual(min);
    expect(bins.at(-1)?.to).toBeGreaterThanOrEqual(max);
    expect(bins.length).toBeLessThanOrEqual(13);
    for (const [index, { from, to }] of bins.entries()) {
      expect(from).toBeLessThanOrEqual(to);
      expect(from).toBe(index === 0 ? from : (bins[index - 1]?.to ?? Number.NaN) + 1);
      expect(limit < max && from <= limit && limit < to, `${from} to ${to} lies on both sides of ${limit}`).toBe(false);
    }
  }
});
