export {
  type BenchScore,
  type BenchScoreOptions,
  type Rate,
  type Rates,
  type ScoreCell,
  type Scores,
  scoreBench,
} from "./bench-score.js";
export { type Bucket, BUCKETS, type BucketId, bucketOf, type BucketRule } from "./buckets.js";
export {
  type Finish,
  FINISHES,
  type ItemRecord,
  type ItemScore,
  type NotScored,
  type SampleScore,
  type Scored,
  scoreItem,
  VERDICT_STATUSES,
} from "./item-score.js";
export { type JudgeReply, parseJudgeReply } from "./judge-reply.js";
export { type LengthFormula, lengthScore } from "./length-score.js";
export { MethodError, type MethodFault } from "./method-error.js";
export {
  JUDGE_PROMPT_ID,
  type JudgePrompt,
  judgePrompt,
  type JudgePromptInput,
} from "./prompts/judge.js";
export {
  type Dimension,
  DIMENSIONS,
  type DimensionScores,
  isDimensionScore,
  type Judged,
  type JudgeFailed,
  type JudgeSkipped,
  qualityScore,
  type Refused,
  type Unparsable,
  type Verdict,
} from "./quality-score.js";
export { type Random, randomFromSeed } from "./random.js";
export {
  type MeasuredRepetition,
  repetition,
  type Repetition,
  type UnmeasuredRepetition,
  withoutTrailingLoop,
} from "./repetition.js";
export {
  SCORING_PROFILES,
  type ScoringProfile,
  type ScoringProfileId,
} from "./scoring-profile.js";
export {
  type BootstrapOptions,
  type CoverageBounds,
  coverageBounds,
  type EstimatedInterval,
  type EstimatedMean,
  type Interval,
  type Mean,
  meanOfTwoMeans,
  meanOverItems,
  type Observation,
  type PairedDifference,
  pairedDifference,
  type UnknownDifference,
  type UnknownInterval,
  type UnknownMean,
} from "./statistics.js";
export { countPaperWords, countStrictWords, countWords, strictWords, type WordCounter } from "./words.js";
