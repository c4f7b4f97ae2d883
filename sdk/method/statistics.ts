import { MethodError } from "./method-error.js";
import { type Random, randomFromSeed } from "./random.js";

/** One measured value of one sample; samples of one item share its id and form its cluster. */
export interface Observation {
  readonly id: string;
  readonly value: number;
}

export interface BootstrapOptions {
  /** Where the random draws start; equal data and seed give equal intervals, in whatever order the data come. */
  readonly seed: string;
  /** How many times the items are drawn anew: an integer of at least 100, by default 2,000. */
  readonly resamples?: number;
}

/** A 95 % percentile bootstrap interval, in the unit of its value. */
export interface EstimatedInterval {
  readonly status: "estimated";
  readonly lower: number;
  readonly upper: number;
  readonly level: 0.95;
  /** Draws that the interval rests on; a draw without any value of one of two means is left out. */
  readonly resamples: number;
}

export interface UnknownInterval {
  readonly status: "not_estimable";
  /** One item says nothing about the spread between items. */
  readonly reason: "one_item";
}

export type Interval = EstimatedInterval | UnknownInterval;

/** A mean over items. */
export interface EstimatedMean {
  readonly status: "estimated";
  readonly value: number;
  /** Items in the mean, each with equal weight. */
  readonly n: number;
  /** Items that were asked for, with or without a value. */
  readonly denominator: number;
  /** Values in the mean: more than `n` where items have several samples. */
  readonly samples: number;
  readonly interval: Interval;
}

export interface UnknownMean {
  readonly status: "not_estimable";
  readonly reason: "no_values";
  readonly n: 0;
  readonly denominator: number;
  readonly samples: 0;
}

export type Mean = EstimatedMean | UnknownMean;

/** What a mean could still become if every item without a value scored the least or the most. */
export interface CoverageBounds {
  readonly lower: number;
  readonly upper: number;
}

/** Mean of candidate − baseline over items that both have. */
export interface PairedDifference {
  readonly status: "estimated";
  readonly difference: number;
  readonly n: number;
  readonly interval: Interval;
}

export interface UnknownDifference {
  readonly status: "not_estimable";
  readonly reason: "no_values";
  readonly n: 0;
}

const DEFAULT_RESAMPLES = 2_000;
const ONE_ITEM: UnknownInterval = { status: "not_estimable", reason: "one_item" };

/**
 * Mean over items, each item being the mean of its samples, with its interval from drawing items.
 *
 * @param denominator Items asked for, at least as many as have a value.
 * @throws MethodError `value_not_finite`, `option_invalid`
 */
export function meanOverItems(
  observations: readonly Observation[],
  denominator: number,
  options: BootstrapOptions,
): Mean {
  const { values } = itemMeans(observations);
  const n = values.length;
  if (!Number.isInteger(denominator) || denominator < n)
    throw invalid("denominator", denominator, `an integer of at least the ${n} items that have a value`);
  if (n === 0) return { status: "not_estimable", reason: "no_values", n: 0, denominator, samples: 0 };
  const interval = bootstrapInterval(n, (drawn) => meanOfDrawn(values, drawn), options);
  return {
    status: "estimated",
    value: mean(values),
    n,
    denominator,
    samples: observations.length,
    interval,
  };
}

/**
 * Mean of two means, (mean of `first` + mean of `second`) / 2, as the paper's S of S_l and S_q. Its
 * interval draws items with both their values, so that the two stay together; `n` counts the items
 * that have both, `samples` the values of both kinds. Not estimable when either mean has no value.
 *
 * @param denominator Items asked for, at least as many as have a value.
 * @throws MethodError `value_not_finite`, `option_invalid`
 */
export function meanOfTwoMeans(
  first: readonly Observation[],
  second: readonly Observation[],
  denominator: number,
  options: BootstrapOptions,
): Mean {
  const [a, b] = [itemMeans(first), itemMeans(second)];
  const ids = [...new Set([...a.ids, ...b.ids])];
  if (!Number.isInteger(denominator) || denominator < ids.length)
    throw invalid("denominator", denominator, `an integer of at least the ${ids.length} items that have a value`);
  if (a.values.length === 0 || b.values.length === 0)
    return { status: "not_estimable", reason: "no_values", n: 0, denominator, samples: 0 };
  const oneOfThemIsSingle = a.values.length === 1 || b.values.length === 1;
  const [aligned, alignedToo] = [alignedTo(ids, a), alignedTo(ids, b)];
  const statistic = (drawn: Uint32Array) => (meanOfDrawn(aligned, drawn) + meanOfDrawn(alignedToo, drawn)) / 2;
  return {
    status: "estimated",
    value: (mean(a.values) + mean(b.values)) / 2,
    n: a.ids.length + b.ids.length - ids.length,
    denominator,
    samples: first.length + second.length,
    interval: oneOfThemIsSingle ? ONE_ITEM : bootstrapInterval(ids.length, statistic, options),
  };
}

/** Bounds of a mean on a scale from `least` to `most` over all `denominator` items; the whole scale if none has a value. */
export function coverageBounds(mean: Mean, least: number, most: number): CoverageBounds {
  const { denominator, n } = mean;
  if (mean.status === "not_estimable" || denominator === 0) return { lower: least, upper: most };
  const sum = mean.value * n;
  const missing = denominator - n;
  return {
    lower: (sum + missing * least) / denominator,
    upper: (sum + missing * most) / denominator,
  };
}

/**
 * Mean of candidate − baseline, item by item, with its interval from drawing items.
 *
 * @throws MethodError `ids_differ` unless both sides have the same items, `value_not_finite`, `option_invalid`
 */
export function pairedDifference(
  baseline: readonly Observation[],
  candidate: readonly Observation[],
  options: BootstrapOptions,
): PairedDifference | UnknownDifference {
  const [before, after] = [itemMeans(baseline), itemMeans(candidate)];
  const onlyInBaseline = without(before.ids, after.ids);
  const onlyInCandidate = without(after.ids, before.ids);
  if (onlyInBaseline.length > 0 || onlyInCandidate.length > 0)
    throw new MethodError({ code: "ids_differ", onlyInBaseline, onlyInCandidate });
  const differences = after.values.map((value, index) => value - (before.values[index] ?? 0));
  const n = differences.length;
  if (n === 0) return { status: "not_estimable", reason: "no_values", n: 0 };
  const interval = bootstrapInterval(n, (drawn) => meanOfDrawn(differences, drawn), options);
  return { status: "estimated", difference: mean(differences), n, interval };
}

interface ItemMeans {
  readonly ids: readonly string[];
  readonly values: Float64Array;
}

/** Sorted by id, so that no result depends on the order in which samples finished. */
function itemMeans(observations: readonly Observation[]): ItemMeans {
  const valuesOfItem = new Map<string, number[]>();
  for (const { id, value } of observations) {
    if (!Number.isFinite(value)) throw new MethodError({ code: "value_not_finite", found: value, item: id });
    const values = valuesOfItem.get(id);
    if (values === undefined) valuesOfItem.set(id, [value]);
    else values.push(value);
  }
  const items = [...valuesOfItem].toSorted(([one], [other]) => byCodeUnit(one, other));
  const values = Float64Array.from(items, ([, samples]) => mean(Float64Array.from(samples).toSorted()));
  return { ids: items.map(([id]) => id), values };
}

/** One number per id, NaN where the item has none: it stays inside this file and is skipped by `meanOfDrawn`. */
function alignedTo(ids: readonly string[], means: ItemMeans): Float64Array {
  const valueOfId = new Map(means.ids.map((id, index) => [id, means.values[index]]));
  return Float64Array.from(ids, (id) => valueOfId.get(id) ?? Number.NaN);
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Mean of the drawn values that exist; NaN when none does. */
function meanOfDrawn(values: Float64Array, drawn: Uint32Array): number {
  let sum = 0;
  let count = 0;
  for (const index of drawn) {
    const value = values[index] ?? Number.NaN;
    if (Number.isNaN(value)) continue;
    sum += value;
    count += 1;
  }
  return sum / count;
}

/** Percentiles 2.5 and 97.5 of `statistic` over draws of `items` indices with replacement. */
function bootstrapInterval(
  items: number,
  statistic: (drawn: Uint32Array) => number,
  { seed, resamples = DEFAULT_RESAMPLES }: BootstrapOptions,
): Interval {
  if (!Number.isInteger(resamples) || resamples < 100) throw invalid("resamples", resamples, "an integer from 100");
  if (items === 1) return ONE_ITEM;
  const random = randomFromSeed(seed);
  const drawn = new Uint32Array(items);
  const results: number[] = [];
  for (let resample = 0; resample < resamples; resample += 1) {
    draw(drawn, random);
    const result = statistic(drawn);
    if (!Number.isNaN(result)) results.push(result);
  }
  const sorted = Float64Array.from(results).toSorted();
  const [lower, upper] = [quantile(sorted, 0.025), quantile(sorted, 0.975)];
  return { status: "estimated", lower, upper, level: 0.95, resamples: sorted.length };
}

function draw(drawn: Uint32Array, random: Random): void {
  for (let index = 0; index < drawn.length; index += 1) drawn[index] = random.below(drawn.length);
}

/** Linear interpolation between order statistics (type 7 of Hyndman and Fan 1996, NumPy's default). */
function quantile(sorted: Float64Array, probability: number): number {
  const position = (sorted.length - 1) * probability;
  const below = sorted[Math.floor(position)] ?? 0;
  const above = sorted[Math.ceil(position)] ?? 0;
  return below + (above - below) * (position - Math.floor(position));
}

function without(ids: readonly string[], others: readonly string[]): string[] {
  const known = new Set(others);
  return ids.filter((id) => !known.has(id));
}

function byCodeUnit(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}

function invalid(option: string, found: number, expected: string): MethodError {
  return new MethodError({ code: "option_invalid", option, found: String(found), expected });
}
