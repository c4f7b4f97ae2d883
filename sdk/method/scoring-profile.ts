import type { BucketRule } from "./buckets.js";
import type { LengthFormula } from "./length-score.js";
import type { WordCounter } from "./words.js";

export type ScoringProfileId = "strict" | "paper-eq6" | "paper-code";

/** Everything that turns the same texts and verdicts into different numbers; its id stands beside each number. */
export interface ScoringProfile {
  readonly id: ScoringProfileId;
  readonly wordCounter: WordCounter;
  readonly lengthFormula: LengthFormula;
  readonly bucketRule: BucketRule;
  /** Whether a sample that the judge refused still has a length score, or leaves both means. */
  readonly judgeRefusals: "keep-length" | "drop-sample";
  /**
   * How the text of a sample that did not stop by itself (finish `length` or `repetition`) is measured:
   * as it is, or without the loop at its end and, where then no word is left, not at all.
   */
  readonly cutTexts: "as-written" | "without-loop";
}

/**
 * `strict`: our recommended scoring. `paper-eq6`: as the paper prints it. `paper-code`: equal to the
 * published code, which most probably made Table 1, except that a failed judge call there turns the
 * whole line into NaN and here leaves the quality mean.
 */
export const SCORING_PROFILES: Readonly<Record<ScoringProfileId, ScoringProfile>> = {
  strict: {
    id: "strict",
    wordCounter: "strict-words/1",
    lengthFormula: "eq-6",
    bucketRule: "half-open",
    judgeRefusals: "keep-length",
    cutTexts: "without-loop",
  },
  "paper-eq6": {
    id: "paper-eq6",
    wordCounter: "paper-words/1",
    lengthFormula: "eq-6",
    bucketRule: "half-open",
    judgeRefusals: "keep-length",
    cutTexts: "as-written",
  },
  "paper-code": {
    id: "paper-code",
    wordCounter: "paper-words/1",
    lengthFormula: "published-code",
    bucketRule: "published-code",
    judgeRefusals: "drop-sample",
    cutTexts: "as-written",
  },
};
