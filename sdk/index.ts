export { run, type RunOptions, type RunOutcome } from "./client/run.js";
export type { Audit, AuditInput } from "./spec/audit.js";
export { type ExperimentBuilder, experiment, type StageScores } from "./experiment/experiment.js";
export { SpecError, type SpecFinding } from "./experiment/spec-error.js";
export { type PresetName, presets } from "./presets/index.js";
export type { AssumedValue, PublishedValue } from "./presets/preset.js";
export type { PresetOptions } from "./presets/long-writer-v.js";
export { type Failure, type FailureCode, RunError } from "./failure/failure.js";
export {
  type Dataset,
  type DatasetInput,
  generated,
  hubDataset,
  longWriterV22k,
  openAiMessages,
  parquet,
  records,
  shareGpt,
} from "./spec/dataset.js";
export type { Engine, EngineInput } from "./spec/engine.js";
export type { Experiment } from "./spec/experiment.js";
export type { Gate, GateInput } from "./spec/gate.js";
export { type Judge, type JudgeInput, programJudge } from "./spec/judge.js";
export type { MmLongBenchWrite, MmLongBenchWriteInput } from "./spec/mm-long-bench-write.js";
export { folder, hub, type Model, type ModelInput, type StageModel, scratch } from "./spec/model.js";
export type { Optimizer, OptimizerInput, Schedule, ScheduleInput } from "./spec/optimizer.js";
export type { Resources, ResourcesInput } from "./spec/resources.js";
export type {
  BenchItem,
  BenchRow,
  Drawing,
  ImageSource,
  JudgeFunction,
  JudgeRequest,
  MeasureFunction,
  Shape,
  StoredImage,
  TrainingRow,
} from "./spec/rows.js";
export type { Sampling, SamplingInput } from "./spec/sampling.js";
export type { Sft, SftInput } from "./spec/sft.js";
export { full, lora, type Tuning, type TuningInput } from "./spec/tuning.js";
export { type UserFunction, userFunction } from "./spec/user-function.js";
export type { VisionPolicy, VisionPolicyInput } from "./spec/vision-policy.js";
export type { Zero, ZeroInput } from "./spec/zero.js";
