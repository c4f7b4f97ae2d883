import { type BucketId, bucketOf } from "./buckets.js";
import { lengthScore } from "./length-score.js";
import { MethodError } from "./method-error.js";
import { qualityScore, type Verdict } from "./quality-score.js";
import { withoutTrailingLoop } from "./repetition.js";
import type { ScoringProfile } from "./scoring-profile.js";
import { countWords } from "./words.js";

/**
 * How the writing of a sample ended: by itself, at the token limit, stopped inside a loop, declined by
 * the model, cancelled, or failed for a reason that is not the model's.
 */
export type Finish = "stop" | "length" | "repetition" | "refusal" | "abort" | "error";

export const FINISHES: readonly Finish[] = ["stop", "length", "repetition", "refusal", "abort", "error"];

export const VERDICT_STATUSES: readonly Verdict["status"][] = ["judged", "refused", "unparsable", "error", "skipped"];

/** One sample of one benchmark item: what was asked, what was written, what the judge said. */
export interface ItemRecord {
  readonly id: string;
  /** Number of the sample where an item has several; 0 when left out. */
  readonly sample?: number;
  /** Words asked for; above zero. */
  readonly requiredLength: number;
  readonly language: string;
  readonly task: string;
  readonly text: string;
  readonly finish: Finish;
  readonly verdict: Verdict;
}

export interface Scored {
  readonly status: "scored";
  /** From 0 to 100. */
  readonly value: number;
}

/** Why a sample enters no mean: the finish or verdict that stood in the way, or a cut text without words. */
export interface NotScored {
  readonly status: "not_scored";
  readonly reason:
    | "generation_refusal"
    | "generation_abort"
    | "generation_error"
    | "cut_without_words"
    | "judge_refused"
    | "judge_unparsable"
    | "judge_error"
    | "judge_skipped";
}

export type SampleScore = Scored | NotScored;

/** The scores of one sample under one profile. */
export interface ItemScore {
  readonly id: string;
  readonly sample: number;
  readonly requiredLength: number;
  readonly language: string;
  readonly task: string;
  readonly bucket: BucketId;
  readonly finish: Finish;
  readonly verdict: Verdict["status"];
  /** Words of the text by the profile's counter and rule for cut texts. */
  readonly words: number;
  /** S_l. */
  readonly length: SampleScore;
  /** S_q. */
  readonly quality: SampleScore;
}

/**
 * Scores one sample. A text that was cut or looped is still a text; one that was refused, cancelled or
 * lost has no score, whatever the profile.
 *
 * @throws MethodError `required_length_invalid` with the item's id, `dimension_score_invalid`
 */
export function scoreItem(record: ItemRecord, profile: ScoringProfile): ItemScore {
  const { id, requiredLength, language, task, finish, verdict } = record;
  if (!Number.isFinite(requiredLength) || requiredLength <= 0)
    throw new MethodError({ code: "required_length_invalid", found: requiredLength, item: id });
  const wasCut = finish === "length" || finish === "repetition";
  const measured = profile.cutTexts === "without-loop" && wasCut ? withoutTrailingLoop(record.text) : record.text;
  const words = countWords(measured, profile.wordCounter);
  const obstacle = obstacleOf(record, profile, words);
  return {
    id,
    sample: record.sample ?? 0,
    requiredLength,
    language,
    task,
    bucket: bucketOf(requiredLength, profile.bucketRule),
    finish,
    verdict: verdict.status,
    words,
    length: obstacle ?? {
      status: "scored",
      value: lengthScore(words, requiredLength, profile.lengthFormula),
    },
    quality: obstacle ?? qualityOf(verdict),
  };
}

function obstacleOf(record: ItemRecord, profile: ScoringProfile, words: number): NotScored | undefined {
  switch (record.finish) {
    case "refusal":
      return notScored("generation_refusal");
    case "abort":
      return notScored("generation_abort");
    case "error":
      return notScored("generation_error");
    case "length":
    case "repetition":
      // A budget spent before the first visible word says nothing about the length of the writing.
      if (profile.cutTexts === "without-loop" && words === 0) return notScored("cut_without_words");
      break;
    case "stop":
      break;
  }
  const dropped = profile.judgeRefusals === "drop-sample" && record.verdict.status === "refused";
  return dropped ? notScored("judge_refused") : undefined;
}

function qualityOf(verdict: Verdict): SampleScore {
  switch (verdict.status) {
    case "judged":
      return { status: "scored", value: qualityScore(verdict.scores) };
    case "refused":
      return notScored("judge_refused");
    case "unparsable":
      return notScored("judge_unparsable");
    case "error":
      return notScored("judge_error");
    case "skipped":
      return notScored("judge_skipped");
  }
}

function notScored(reason: NotScored["reason"]): NotScored {
  return { status: "not_scored", reason };
}
