import { BUCKETS, type BucketId } from "./buckets.js";
import { type Finish, FINISHES, type ItemRecord, type ItemScore, scoreItem, VERDICT_STATUSES } from "./item-score.js";
import { MethodError } from "./method-error.js";
import type { Verdict } from "./quality-score.js";
import { SCORING_PROFILES, type ScoringProfileId } from "./scoring-profile.js";
import {
  type BootstrapOptions,
  type CoverageBounds,
  coverageBounds,
  type Mean,
  meanOfTwoMeans,
  meanOverItems,
  type Observation,
} from "./statistics.js";
import type { WordCounter } from "./words.js";

/** The three headline numbers of a set of items, each from 0 to 100. */
export interface Scores {
  /** S: mean of the means of S_l and S_q. */
  readonly overall: Mean;
  /** S_l. */
  readonly length: Mean;
  /** S_q. */
  readonly quality: Mean;
}

/** The scores of the items that share a language, a task or a bucket. */
export interface ScoreCell<Key extends string = string> extends Scores {
  readonly key: Key;
}

/** `count` of `of` samples; `value` is their quotient, and there is none where `of` is zero. */
export type Rate =
  | {
      readonly status: "known";
      readonly count: number;
      readonly of: number;
      readonly value: number;
    }
  | { readonly status: "not_estimable"; readonly count: 0; readonly of: 0 };

export interface Rates {
  /** Samples cut at the token limit, of the samples that the model ended in any way. */
  readonly truncation: Rate;
  /** Samples stopped inside a loop, of the samples that the model ended in any way. */
  readonly repetition: Rate;
  /** Samples that the model declined to write, of the samples that the model ended in any way. */
  readonly refusal: Rate;
  /** Samples cancelled or failed for a reason that is not the model's, of all samples. */
  readonly failure: Rate;
}

/** Everything that one benchmark run comes to, as plain data. */
export interface BenchScore {
  readonly profile: ScoringProfileId;
  readonly wordCounter: WordCounter;
  /** Different ids. */
  readonly items: number;
  /** Records, at least one for each item. */
  readonly samples: number;
  readonly scores: Scores;
  /** The scores over the samples that stopped by themselves. */
  readonly completed: Scores;
  /** What the three numbers could become if every missing score were 0 or 100. */
  readonly bounds: Readonly<Record<keyof Scores, CoverageBounds>>;
  readonly byLanguage: readonly ScoreCell[];
  readonly byTask: readonly ScoreCell[];
  /** All buckets, also those without an item. */
  readonly byBucket: readonly ScoreCell<BucketId>[];
  /** Samples by how their writing ended. */
  readonly finishes: Readonly<Record<Finish, number>>;
  /** Samples by what became of judging them. */
  readonly verdicts: Readonly<Record<Verdict["status"], number>>;
  readonly rates: Rates;
  /** One row a sample, sorted by id and sample. */
  readonly rows: readonly ItemScore[];
}

export interface BenchScoreOptions extends BootstrapOptions {
  readonly profile: ScoringProfileId;
}

/**
 * Scores a benchmark. No refusal, failure or missing verdict enters a mean: each is counted, and every
 * mean says over how many of its items it runs. Equal records in any order give equal results.
 *
 * @throws MethodError `required_length_invalid`, `dimension_score_invalid`, `record_duplicate`,
 * `item_inconsistent`, `option_invalid`
 */
export function scoreBench(records: readonly ItemRecord[], options: BenchScoreOptions): BenchScore {
  const profile = SCORING_PROFILES[options.profile];
  const rows = records.map((record) => scoreItem(record, profile)).toSorted(byIdAndSample);
  refuseContradictions(rows);
  const scores = scoresOf(rows, "all", options);
  return {
    profile: profile.id,
    wordCounter: profile.wordCounter,
    items: countItems(rows),
    samples: rows.length,
    scores,
    completed: scoresOf(
      rows.filter(({ finish }) => finish === "stop"),
      "completed",
      options,
    ),
    bounds: boundsOf(scores),
    byLanguage: cellsBy(rows, (row) => row.language, "language", options),
    byTask: cellsBy(rows, (row) => row.task, "task", options),
    byBucket: BUCKETS.map(({ id }) =>
      cell(
        rows.filter(({ bucket }) => bucket === id),
        id,
        "bucket",
        options,
      ),
    ),
    finishes: countEach(
      FINISHES,
      rows.map(({ finish }) => finish),
    ),
    verdicts: countEach(
      VERDICT_STATUSES,
      rows.map(({ verdict }) => verdict),
    ),
    rates: ratesOf(rows),
    rows,
  };
}

function scoresOf(rows: readonly ItemScore[], name: string, options: BootstrapOptions): Scores {
  const items = countItems(rows);
  const length = observed(rows, "length");
  const quality = observed(rows, "quality");
  // Each number draws from its own stream: a cell more or less changes no other number.
  const drawing = (score: keyof Scores) => ({
    ...options,
    seed: `${options.seed}/${name}/${score}`,
  });
  return {
    overall: meanOfTwoMeans(length, quality, items, drawing("overall")),
    length: meanOverItems(length, items, drawing("length")),
    quality: meanOverItems(quality, items, drawing("quality")),
  };
}

function observed(rows: readonly ItemScore[], score: "length" | "quality"): Observation[] {
  return rows.flatMap((row) => {
    const result = row[score];
    return result.status === "scored" ? [{ id: row.id, value: result.value }] : [];
  });
}

function boundsOf({ length, quality }: Scores): BenchScore["bounds"] {
  const ofLength = coverageBounds(length, 0, 100);
  const ofQuality = coverageBounds(quality, 0, 100);
  const overall = {
    lower: (ofLength.lower + ofQuality.lower) / 2,
    upper: (ofLength.upper + ofQuality.upper) / 2,
  };
  return { overall, length: ofLength, quality: ofQuality };
}

function cellsBy(
  rows: readonly ItemScore[],
  keyOf: (row: ItemScore) => string,
  name: string,
  options: BootstrapOptions,
): ScoreCell[] {
  const rowsOfKey = new Map<string, ItemScore[]>();
  for (const row of rows) {
    const key = keyOf(row);
    const known = rowsOfKey.get(key);
    if (known === undefined) rowsOfKey.set(key, [row]);
    else known.push(row);
  }
  return [...rowsOfKey.keys()].toSorted().map((key) => cell(rowsOfKey.get(key) ?? [], key, name, options));
}

function cell<Key extends string>(
  rows: readonly ItemScore[],
  key: Key,
  name: string,
  options: BootstrapOptions,
): ScoreCell<Key> {
  return { key, ...scoresOf(rows, `${name}/${key}`, options) };
}

function ratesOf(rows: readonly ItemScore[]): Rates {
  const count = (...finishes: Finish[]) => rows.filter(({ finish }) => finishes.includes(finish)).length;
  const ended = count("stop", "length", "repetition", "refusal");
  return {
    truncation: rate(count("length"), ended),
    repetition: rate(count("repetition"), ended),
    refusal: rate(count("refusal"), ended),
    failure: rate(count("abort", "error"), rows.length),
  };
}

function rate(count: number, of: number): Rate {
  if (of === 0) return { status: "not_estimable", count: 0, of: 0 };
  return { status: "known", count, of, value: count / of };
}

function countItems(rows: readonly ItemScore[]): number {
  return new Set(rows.map(({ id }) => id)).size;
}

function countEach<Key extends string>(keys: readonly Key[], found: readonly Key[]): Record<Key, number>;
function countEach(keys: readonly string[], found: readonly string[]): Record<string, number> {
  return Object.fromEntries(keys.map((key) => [key, found.filter((each) => each === key).length]));
}

/** Sorted rows of one item stand together: they must differ in their sample and in nothing that was asked. */
function refuseContradictions(rows: readonly ItemScore[]): void {
  for (const [index, row] of rows.entries()) {
    const previous = rows[index - 1];
    if (previous?.id !== row.id) continue;
    if (previous.sample === row.sample)
      throw new MethodError({ code: "record_duplicate", item: row.id, sample: row.sample });
    for (const field of ["requiredLength", "language", "task"] as const) {
      const [first, second] = [String(previous[field]), String(row[field])];
      if (first !== second) throw new MethodError({ code: "item_inconsistent", item: row.id, field, first, second });
    }
  }
}

function byIdAndSample(one: ItemScore, other: ItemScore): number {
  if (one.id === other.id) return one.sample - other.sample;
  return one.id < other.id ? -1 : 1;
}
