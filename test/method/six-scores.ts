import type { DimensionScores } from "../../sdk/method/index.js";

/** The scores of the six dimensions in the paper's order; a missing one is 3. */
export function sixScores(scores: readonly number[]): DimensionScores {
  const [relevance = 3, accuracy = 3, coherence = 3, clarity = 3, breadthAndDepth = 3, readingExperience = 3] = scores;
  return { relevance, accuracy, coherence, clarity, breadthAndDepth, readingExperience };
}
