import { expect, test } from "vitest";
import { DIMENSIONS, qualityScore } from "../../sdk/method/index.js";
import { sixScores } from "./six-scores.js";
import { thrownFault } from "./thrown-fault.js";

test.each([
  [[5, 5, 5, 5, 5, 5], 100],
  [[1, 1, 1, 1, 1, 1], 0],
  [[4, 4, 4, 4, 4, 4], 75],
  [[5, 4, 3, 5, 4, 3], 75],
  [[5, 5, 4, 2, 2, 2], 58.333],
])("scores %j make S_q %f", (scores, expected) => {
  expect(qualityScore(sixScores(scores))).toBeCloseTo(expected, 3);
});

test("S_q is the mean of (score - 1) * 25 for every sum", () => {
  for (let score = 1; score <= 5; score += 1) {
    const scores = sixScores([score, 1, 3, 5, 2, 4]);
    const mean = DIMENSIONS.reduce((sum, { key }) => sum + (scores[key] - 1) * 25, 0) / 6;
    expect(qualityScore(scores)).toBeCloseTo(mean, 10);
  }
});

test.each([0, 6, 3.5, Number.NaN])("a score of %f is refused with the name of its dimension", (score) => {
  expect(thrownFault(() => qualityScore(sixScores([3, 3, 3, 3, score, 3])))).toEqual({
    code: "dimension_score_invalid",
    dimension: "Breadth and Depth",
    found: String(score),
  });
});
