import { MethodError } from "./method-error.js";

/**
 * `eq-6`: the paper's equation 6, too long divided by 3, too short by 2.
 * `published-code`: the published code, which passes the two lengths the other way round (too long
 * divided by 2, too short by 3) and raises both to at least 2 words.
 */
export type LengthFormula = "eq-6" | "published-code";

/**
 * S_l, from 0 to 100: how close an output of `outputWords` words comes to the `requiredWords` asked for.
 *
 * With required length L and output length l, equation 6 of arXiv 2502.14834:
 * 100 · max(0, 1 − (l/L − 1)/3) if l > L, otherwise 100 · max(0, 1 − (L/l − 1)/2).
 * Zero at l ≤ L/3 and l ≥ 4L (`published-code`: at l ≤ L/4 and l ≥ 3L). An empty output scores 0,
 * the limit of the formula; in `published-code` it counts as two words.
 *
 * @throws MethodError `required_length_invalid` unless finite and above zero, `output_length_invalid`
 * unless finite and at least zero.
 */
export function lengthScore(outputWords: number, requiredWords: number, formula: LengthFormula): number {
  if (!Number.isFinite(requiredWords) || requiredWords <= 0)
    throw new MethodError({ code: "required_length_invalid", found: requiredWords });
  if (!Number.isFinite(outputWords) || outputWords < 0)
    throw new MethodError({ code: "output_length_invalid", found: outputWords });
  switch (formula) {
    case "eq-6":
      return outputWords === 0 ? 0 : penalised(outputWords / requiredWords, 3, 2);
    case "published-code":
      return penalised(Math.max(outputWords, 2) / Math.max(requiredWords, 2), 2, 3);
  }
}

function penalised(ratio: number, tooLongDivisor: number, tooShortDivisor: number): number {
  const excess = ratio > 1 ? (ratio - 1) / tooLongDivisor : (1 / ratio - 1) / tooShortDivisor;
  return 100 * Math.max(0, 1 - excess);
}
