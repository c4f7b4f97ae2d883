import { MethodError } from "./method-error.js";

/** The six judged dimensions of the paper, each an integer from 1 (worst) to 5. */
export interface DimensionScores {
  readonly relevance: number;
  readonly accuracy: number;
  readonly coherence: number;
  readonly clarity: number;
  readonly breadthAndDepth: number;
  readonly readingExperience: number;
}

export type Dimension = keyof DimensionScores;

/** The dimensions in the paper's order, with the names that the judge reads and writes. */
export const DIMENSIONS: readonly { readonly key: Dimension; readonly name: string }[] = [
  { key: "relevance", name: "Relevance" },
  { key: "accuracy", name: "Accuracy" },
  { key: "coherence", name: "Coherence" },
  { key: "clarity", name: "Clarity" },
  { key: "breadthAndDepth", name: "Breadth and Depth" },
  { key: "readingExperience", name: "Reading Experience" },
];

/** The judge gave six valid scores. */
export interface Judged {
  readonly status: "judged";
  readonly scores: DimensionScores;
}

/** The judge declined; `reason` is what it said. */
export interface Refused {
  readonly status: "refused";
  readonly reason: string;
}

/** The judge answered, but not with six valid scores; `reason` says what was found and expected. */
export interface Unparsable {
  readonly status: "unparsable";
  readonly reason: string;
}

/** No answer came: the judge could not be reached, ran out of time or budget. */
export interface JudgeFailed {
  readonly status: "error";
  readonly reason: string;
}

/** The judge was not asked. */
export interface JudgeSkipped {
  readonly status: "skipped";
  readonly reason: string;
}

/** What became of judging one sample. Only `judged` ever enters a mean. */
export type Verdict = Judged | Refused | Unparsable | JudgeFailed | JudgeSkipped;

/**
 * S_q, from 0 (all 1) to 100 (all 5): (sum of the six scores − 6) · 25 / 6, as in arXiv 2502.14834.
 *
 * @throws MethodError `dimension_score_invalid` when a score is no integer from 1 to 5.
 */
export function qualityScore(scores: DimensionScores): number {
  let sum = 0;
  for (const { key, name } of DIMENSIONS) {
    const score: unknown = scores[key];
    if (!isDimensionScore(score))
      throw new MethodError({
        code: "dimension_score_invalid",
        dimension: name,
        found: String(score),
      });
    sum += score;
  }
  return ((sum - 6) * 25) / 6;
}

/** Whether `value` is a number that a judge may give: an integer from 1 to 5. */
export function isDimensionScore(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 5;
}
