/** Whole numbers as what they are like together; quantiles are values that occur (nearest rank). */
export interface Distribution {
  readonly total: number;
  readonly min: number;
  readonly median: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
  readonly bins: readonly Bin[];
}

/** How many values lie from `from` to `to`, both included. */
export interface Bin {
  readonly from: number;
  readonly to: number;
  readonly rows: number;
}

/** Bins at most, before one of them is split. */
const MOST_BINS = 12;

/**
 * The distribution of values; null without any.
 *
 * @param limit No bin lies on both sides of it.
 */
export function distributionOf(values: readonly number[], limit = Number.POSITIVE_INFINITY): Distribution | null {
  const sorted = values.toSorted((one, other) => one - other);
  const [min] = sorted;
  const max = sorted.at(-1);
  if (min === undefined || max === undefined) return null;
  const quantile = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? max;
  return {
    total: sorted.reduce((sum, value) => sum + value, 0),
    min,
    median: quantile(0.5),
    p90: quantile(0.9),
    p99: quantile(0.99),
    max,
    bins: bins(sorted, min, max, limit),
  };
}

function bins(sorted: readonly number[], min: number, max: number, limit: number): readonly Bin[] {
  const width = roundWidth(min, max);
  const starts: number[] = [];
  for (let start = Math.floor(min / width) * width; start <= max; start += width) {
    starts.push(start);
    if (start <= limit && limit < start + width - 1 && limit < max) starts.push(limit + 1);
  }
  return starts.map((from, index) => {
    const to = (starts[index + 1] ?? from + width - (from % width)) - 1;
    return { from, to, rows: sorted.filter((value) => from <= value && value <= to).length };
  });
}

/** The smallest of 1, 2, 5, 10, 20, 50 … with which few bins hold all values. */
function roundWidth(min: number, max: number): number {
  for (let ten = 1; ; ten *= 10)
    for (const width of [ten, 2 * ten, 5 * ten])
      if (Math.floor(max / width) - Math.floor(min / width) < MOST_BINS) return width;
}
