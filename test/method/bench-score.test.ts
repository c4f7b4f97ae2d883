import { describe, expect, test } from "vitest";
import {
  type BenchScore,
  type Finish,
  type ItemRecord,
  meanOfTwoMeans,
  SCORING_PROFILES,
  scoreBench,
  type ScoringProfileId,
  scoreItem,
  type Verdict,
} from "../../sdk/method/index.js";
import { TABLE_ONE } from "../golden/table-one.js";
import { sixScores } from "./six-scores.js";
import { thrownFault } from "./thrown-fault.js";

const PROFILES: readonly ScoringProfileId[] = ["strict", "paper-eq6", "paper-code"];
/** Numbered in letters: a text that repeats itself would be taken for a loop. */
const english = (words: number) =>
  Array.from(
    { length: words },
    (_, index) => `word${String(index).replaceAll(/\d/g, (digit) => "qrstuvwxyz"[Number(digit)] ?? "")}`,
  ).join(" ");
const judged = (...scores: number[]): Verdict => ({ status: "judged", scores: sixScores(scores) });
const refused: Verdict = { status: "refused", reason: "no" };
const unparsable: Verdict = { status: "unparsable", reason: "no JSON object" };

function record(id: string, changes: Partial<ItemRecord> = {}): ItemRecord {
  return {
    id,
    requiredLength: 100,
    language: "en",
    task: "story",
    text: english(100),
    finish: "stop",
    verdict: judged(4, 4, 4, 4, 4, 4),
    ...changes,
  };
}

const score = (records: readonly ItemRecord[], profile: ScoringProfileId = "strict") =>
  scoreBench(records, { profile, seed: "bench", resamples: 200 });

/** Every finish, every verdict, both languages, every bucket, an item of several samples. */
const MIXED: readonly ItemRecord[] = [
  record("a-stop"),
  record("b-short", { text: english(50), verdict: judged(5, 5, 5, 5, 5, 5) }),
  record("c-cut", { requiredLength: 1500, text: english(1600), finish: "length", task: "guide" }),
  record("d-loop", {
    requiredLength: 2000,
    text: `${english(900)}. ${"And so it goes on. ".repeat(30)}`,
    finish: "repetition",
  }),
  record("e-refusal", { text: "I cannot.", finish: "refusal", verdict: { status: "skipped", reason: "refusal" } }),
  record("f-abort", { text: english(10), finish: "abort", verdict: { status: "skipped", reason: "abort" } }),
  record("g-error", { text: "", finish: "error", verdict: { status: "skipped", reason: "error" } }),
  record("h-judge-refused", { requiredLength: 3000, text: english(2400), verdict: refused, task: "guide" }),
  record("i-unparsable", { requiredLength: 4000, text: english(4000), verdict: unparsable }),
  record("j-judge-error", { language: "zh", text: "字".repeat(120), verdict: { status: "error", reason: "timeout" } }),
  record("k-samples", { language: "zh", text: "模型写作".repeat(25), verdict: judged(3, 3, 3, 3, 3, 3) }),
  record("k-samples", { sample: 1, language: "zh", text: "模型写作".repeat(20), verdict: judged(1, 2, 3, 4, 5, 3) }),
  record("l-empty", { language: "zh", text: "", verdict: judged(1, 1, 1, 1, 1, 1) }),
  record("m-cut-empty", { language: "zh", text: " \n", finish: "length", verdict: judged(1, 1, 1, 1, 1, 1) }),
];

describe("Table 1 of the paper", () => {
  test.each(TABLE_ONE)("$model has S = (S_l + S_q) / 2 within rounding", ({ overall, length, quality }) => {
    const mean = meanOfTwoMeans([{ id: "all", value: length }], [{ id: "all", value: quality }], 1, { seed: "table" });
    if (mean.status !== "estimated") throw new Error("not estimated");
    expect(Math.abs(mean.value - overall)).toBeLessThanOrEqual(0.06);
  });

  test("a thousand words for 3,200 score as the table suggests by the published code only", () => {
    const long = record("x", { requiredLength: 3200, text: english(1000) });
    expect(scoreItem(long, SCORING_PROFILES["paper-eq6"])).toMatchObject({ words: 1000, length: { value: 0 } });
    const { words, length } = scoreItem(long, SCORING_PROFILES["paper-code"]);
    expect(words).toBe(1000);
    if (length.status !== "scored") throw new Error("not scored");
    expect(length.value).toBeCloseTo(26.667, 3);
  });
});

describe("the recorded result", () => {
  test.each(PROFILES)("of a mixed run under the profile %s", async (profile) => {
    const text = JSON.stringify(score(MIXED, profile), null, 1);
    await expect(`${text}\n`).toMatchFileSnapshot(`../golden/bench-score-${profile}.json`);
  });

  test.each(PROFILES)("is plain data without NaN or gaps under %s, and does not depend on the order", (profile) => {
    const result = score(MIXED, profile);
    const asData: unknown = JSON.parse(JSON.stringify(result));
    expect(asData).toStrictEqual(result);
    expect(score(MIXED.toReversed(), profile)).toStrictEqual(result);
    expect(result).toMatchObject({ profile, wordCounter: SCORING_PROFILES[profile].wordCounter });
  });
});

describe("what enters a mean under strict", () => {
  const { scores, rows } = score(MIXED);
  const notScored = (of: "length" | "quality") =>
    Object.fromEntries(rows.flatMap((row) => (row[of].status === "not_scored" ? [[row.id, row[of].reason]] : [])));

  test("no refusal, failure or lost text has a length score", () => {
    expect(notScored("length")).toEqual({
      "e-refusal": "generation_refusal",
      "f-abort": "generation_abort",
      "g-error": "generation_error",
      "m-cut-empty": "cut_without_words",
    });
    expect(scores.length).toMatchObject({ n: 9, denominator: 13, samples: 10 });
  });

  test("no missing verdict has a quality score", () => {
    expect(notScored("quality")).toEqual({
      ...notScored("length"),
      "h-judge-refused": "judge_refused",
      "i-unparsable": "judge_unparsable",
      "j-judge-error": "judge_error",
    });
    expect(scores.quality).toMatchObject({ n: 6, denominator: 13, samples: 7 });
    // Items: 75, 100, 75, 75, the mean of 50 and 50, 0.
    expect(scores.quality).toMatchObject({ value: (75 + 100 + 75 + 75 + 50 + 0) / 6 });
  });

  test("finishes, verdicts and rates are counted over samples", () => {
    const { finishes, verdicts, rates, items, samples } = score(MIXED);
    expect({ items, samples }).toEqual({ items: 13, samples: 14 });
    expect(finishes).toEqual({ stop: 8, length: 2, repetition: 1, refusal: 1, abort: 1, error: 1 });
    expect(verdicts).toEqual({ judged: 8, refused: 1, unparsable: 1, error: 1, skipped: 3 });
    expect(rates).toEqual({
      truncation: { status: "known", count: 2, of: 12, value: 2 / 12 },
      repetition: { status: "known", count: 1, of: 12, value: 1 / 12 },
      refusal: { status: "known", count: 1, of: 12, value: 1 / 12 },
      failure: { status: "known", count: 2, of: 14, value: 2 / 14 },
    });
  });

  test("an added unparsable verdict changes neither the quality mean nor its interval", () => {
    const before = score(MIXED).scores.quality;
    const after = score([...MIXED, record("n-new", { verdict: unparsable })]).scores.quality;
    expect(after).toEqual({ ...before, denominator: before.denominator + 1 });
  });

  test("the bounds hold every score that the missing verdicts could still bring", () => {
    const missing = ["h-judge-refused", "i-unparsable", "j-judge-error"];
    const { bounds } = score(MIXED);
    for (const each of [1, 5]) {
      const verdict = judged(each, each, each, each, each, each);
      const filled = MIXED.map((item) => (missing.includes(item.id) ? { ...item, verdict } : item));
      const { quality } = score(filled).scores;
      if (quality.status !== "estimated") throw new Error("not estimated");
      expect(quality.value).toBeGreaterThanOrEqual(bounds.quality.lower);
      expect(quality.value).toBeLessThanOrEqual(bounds.quality.upper);
    }
  });

  test("a loop counts once, whether a detector or the token limit ended it", () => {
    const looping = (copies: number, finish: Finish) =>
      scoreItem(
        record("x", { text: `${english(90)}. ${"And so it goes on. ".repeat(copies)}`, finish }),
        SCORING_PROFILES.strict,
      ).words;
    expect(looping(3, "repetition")).toBe(looping(500, "length"));
    expect(looping(500, "length")).toBeLessThanOrEqual(96);
    expect(looping(500, "stop")).toBe(90 + 5 * 500);
  });
});

describe("the profiles differ as documented", () => {
  const pair = [record("a"), record("b", { text: english(50), verdict: refused })];
  const lengthOf = (profile: ScoringProfileId) => score(pair, profile).scores.length;

  test("a judge refusal keeps its length score, but in paper-code the sample leaves both means", () => {
    expect(lengthOf("strict")).toMatchObject({ value: 75, n: 2, denominator: 2 });
    expect(lengthOf("paper-eq6")).toMatchObject({ value: 75, n: 2, denominator: 2 });
    expect(lengthOf("paper-code")).toMatchObject({ value: 100, n: 1, denominator: 2 });
    for (const profile of PROFILES) expect(score(pair, profile).scores.quality).toMatchObject({ n: 1, denominator: 2 });
  });

  test("a failed judge call never turns a mean into NaN, as it does in the published code", () => {
    const failed = [record("a"), record("b", { verdict: { status: "error", reason: "429" } })];
    for (const profile of PROFILES) {
      expect(score(failed, profile).scores.quality).toMatchObject({ value: 75, n: 1, denominator: 2 });
      expect(score(failed, profile).scores.length).toMatchObject({ value: 100, n: 2 });
    }
  });

  test("4,000 words and more are overflow, in paper-code part of the last bucket", () => {
    const long = [record("a", { requiredLength: 4000 })];
    const bucketsOf = (profile: ScoringProfileId) =>
      score(long, profile).byBucket.flatMap(({ key, length }) => (length.denominator > 0 ? [key] : []));
    expect(bucketsOf("strict")).toEqual(["4000+"]);
    expect(bucketsOf("paper-code")).toEqual(["3000-4000"]);
  });
});

describe("cells", () => {
  test("partition the items by language, task and bucket, with the empty buckets shown", () => {
    const { byLanguage, byTask, byBucket, items } = score(MIXED);
    expect(byLanguage.map(({ key }) => key)).toEqual(["en", "zh"]);
    expect(byTask.map(({ key }) => key)).toEqual(["guide", "story"]);
    expect(score([record("a")]).byBucket.map(({ key, length }) => [key, length.denominator])).toEqual([
      ["0-1500", 1],
      ["1500-2000", 0],
      ["2000-3000", 0],
      ["3000-4000", 0],
      ["4000+", 0],
    ]);
    for (const cells of [byLanguage, byTask, byBucket])
      expect(cells.reduce((sum, { length }) => sum + length.denominator, 0)).toBe(items);
  });

  test("of one language equal the scores of a run of that language alone", () => {
    const { byLanguage } = score(MIXED);
    const alone = score(MIXED.filter(({ language }) => language === "zh")).scores;
    const value = ({ overall, length, quality }: BenchScore["scores"]) =>
      [overall, length, quality].map((mean) => (mean.status === "estimated" ? mean.value : mean.reason));
    const cell = byLanguage.find(({ key }) => key === "zh");
    if (cell === undefined) throw new Error("no cell of zh");
    expect(value(cell)).toEqual(value(alone));
  });
});

describe("edges", () => {
  const nothing = { status: "not_estimable", reason: "no_values", n: 0 };

  test("no records at all", () => {
    const empty = score([]);
    expect(empty.scores).toMatchObject({ overall: nothing, length: nothing, quality: nothing });
    expect(empty.bounds.overall).toEqual({ lower: 0, upper: 100 });
    expect(empty.rates.truncation).toEqual({ status: "not_estimable", count: 0, of: 0 });
  });

  test("all refused by the judge: lengths stand, quality and S are not estimable", () => {
    const all = [record("a", { verdict: refused }), record("b", { verdict: refused })];
    expect(score(all).scores).toMatchObject({ overall: nothing, length: { value: 100, n: 2 }, quality: nothing });
    expect(score(all, "paper-code").scores).toMatchObject({ overall: nothing, length: nothing, quality: nothing });
    expect(score(all).bounds).toMatchObject({ quality: { lower: 0, upper: 100 }, overall: { lower: 50, upper: 100 } });
  });

  test("a single item has values and no interval", () => {
    const interval = { status: "not_estimable", reason: "one_item" };
    expect(score([record("a")]).scores).toMatchObject({
      overall: { value: 87.5, n: 1, interval },
      length: { value: 100, interval },
      quality: { value: 75, interval },
    });
  });

  test("an empty text that stopped scores zero and counts", () => {
    for (const profile of PROFILES)
      expect(score([record("a", { text: "" })], profile).scores.length).toMatchObject({ value: 0, n: 1 });
  });

  test("a text of a megabyte", () => {
    const huge = record("a", { text: "word ".repeat(200_000), requiredLength: 100_000 });
    expect(scoreItem(huge, SCORING_PROFILES.strict)).toMatchObject({
      words: 200_000,
      length: { value: 66.66666666666667 },
    });
  });

  test("completed scores leave out cut texts", () => {
    const cut = [record("a"), record("b", { text: english(50), finish: "length" })];
    expect(score(cut).scores.length).toMatchObject({ value: 75, n: 2 });
    expect(score(cut).completed.length).toMatchObject({ value: 100, n: 1, denominator: 1 });
  });

  test.each([0, -5, Number.NaN])("a required length of %f is refused with the item's id", (requiredLength) => {
    const broken = () => score([record("a"), record("broken", { requiredLength })]);
    expect(thrownFault(broken)).toEqual({ code: "required_length_invalid", found: requiredLength, item: "broken" });
    expect(broken).toThrow(/of item "broken" is not a length: give a finite number of words above zero/);
  });

  test("a sample that occurs twice, and samples that disagree on what was asked, are refused", () => {
    expect(thrownFault(() => score([record("a"), record("b"), record("a")]))).toEqual({
      code: "record_duplicate",
      item: "a",
      sample: 0,
    });
    expect(thrownFault(() => score([record("a"), record("a", { sample: 1, requiredLength: 200 })]))).toEqual({
      code: "item_inconsistent",
      item: "a",
      field: "requiredLength",
      first: "100",
      second: "200",
    });
  });
});
