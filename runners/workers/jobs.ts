import { z } from "zod";
import { enumeration, exactlyOne, uint32, uint64 } from "../../sdk/client/wire.js";

// The jobs of dataset.proto, training.proto and generation.proto, without defaults and without holes:
// values come from a checked spec, and a missing field does not compile.

const number = z.number();
const promptLayout = enumeration("PROMPT_LAYOUT", ["imagesFirst", "textFirst", "inline"]);
const modelPart = enumeration("MODEL_PART", ["vision", "merger", "language"]);
const precision = enumeration("PRECISION", ["float32", "bfloat16"]);

export const VisionPolicy = z.strictObject({
  resize: enumeration("RESIZE_RULE", ["keepAspect", "square"]),
  minPixels: uint32,
  maxPixels: uint32,
  gridMultiple: uint32,
  background: z.string(),
  maxImages: uint32,
});

export const ImportJob = z.strictObject({
  sourceRowsPath: z.string(),
  rowsPath: z.string(),
  imageRoot: z.string(),
  blobRoot: z.string(),
  visionPolicy: VisionPolicy,
});

export const PartLearningRate = z.strictObject({ part: modelPart, peakLearningRate: number });

export const Optimizer = z.strictObject({
  peakLearningRate: number,
  beta1: number,
  beta2: number,
  epsilon: number,
  weightDecay: number,
  maxGradientNorm: number,
  partLearningRates: z.array(PartLearningRate).readonly(),
});

export const FullTuning = z.strictObject({ frozenParts: z.array(modelPart).readonly() });
export const LoraTuning = z.strictObject({
  rank: uint32,
  alpha: number,
  dropout: number,
  targets: z.array(modelPart).readonly(),
  layers: enumeration("ADAPTER_LAYERS", ["all", "attention", "feedForward"]),
});
const ways = exactlyOne(["full", "lora"]);
export const Tuning = z
  .strictObject({ full: FullTuning.optional(), lora: LoraTuning.optional() })
  .refine(ways.check, ways.error);

export const Zero = z.strictObject({ stage: uint32, offloadOptimizer: z.boolean(), offloadParameters: z.boolean() });

export const Schedule = z.strictObject({
  kind: enumeration("SCHEDULE_KIND", ["cosine", "linear", "constant"]),
  warmupFraction: number,
  finalFraction: number,
});

export const Gate = z.strictObject({
  rowsPath: z.string(),
  metric: enumeration("GATE_METRIC", ["exactMatch"]),
  atLeast: number,
  everySteps: uint32,
  extraRounds: uint32,
});

export const TrainingJob = z.strictObject({
  modelPath: z.string(),
  rowsPath: z.string(),
  blobRoot: z.string(),
  outputPath: z.string(),
  checkpointPath: z.string(),
  visionPolicy: VisionPolicy,
  promptLayout,
  maxTokens: uint32,
  steps: uint32,
  examplesPerStep: uint32,
  lossNormalisation: enumeration("LOSS_NORMALISATION", ["token", "example"]),
  optimizer: Optimizer,
  schedule: Schedule,
  precision,
  gradientCheckpointing: z.boolean(),
  headChunkTokens: uint32,
  seed: uint64,
  checkpointEverySteps: uint32,
  gate: Gate.optional(),
  tokensPerPass: uint32,
  tuning: Tuning,
  zero: Zero,
  tensorboardPath: z.string(),
});

export const AuditJob = z.strictObject({
  modelPath: z.string(),
  rowsPath: z.string(),
  keptRowsPath: z.string(),
  reportPath: z.string(),
  visionPolicy: VisionPolicy,
  promptLayout,
  maxTokens: uint32,
  tooLong: enumeration("TOO_LONG", ["refuse", "drop", "cap"]),
});

export const ReadJob = z.strictObject({
  path: z.string(),
  format: enumeration("DATASET_FORMAT", ["sharegpt", "messages", "parquet"]),
  name: z.string(),
  imageRoot: z.string(),
  rowsPath: z.string(),
  imagesPath: z.string(),
  limit: uint64,
});

export const FetchJob = z.strictObject({
  repository: z.string(),
  revision: z.string(),
  holds: enumeration("REPOSITORY_KIND", ["model", "dataset"]),
  tokenVariable: z.string(),
});

export const TextArchitecture = z.strictObject({
  layers: uint32,
  hiddenSize: uint32,
  intermediateSize: uint32,
  heads: uint32,
  keyValueHeads: uint32,
  ropeTheta: number,
  maxPositions: uint32,
});

export const VisionArchitecture = z.strictObject({
  layers: uint32,
  hiddenSize: uint32,
  intermediateSize: uint32,
  heads: uint32,
  patchSize: uint32,
  mergeSize: uint32,
});

export const ModelJob = z.strictObject({
  outputPath: z.string(),
  corpusRowsPath: z.string(),
  vocabularySize: uint32,
  text: TextArchitecture,
  vision: VisionArchitecture,
  initializerRange: number,
  seed: uint64,
  visionPolicy: VisionPolicy,
  architecture: enumeration("ARCHITECTURE", ["qwen2_vl", "qwen2_5_vl", "qwen3_vl"]),
});

export const GenerationJob = z.strictObject({
  engine: enumeration("ENGINE_KIND", ["transformers", "scripted"]),
  modelPath: z.string(),
  blobRoot: z.string(),
  visionPolicy: VisionPolicy,
  promptLayout,
  precision,
  maxBatchSequences: uint32,
  maxTokens: uint32,
});

/** What an engine is asked to do. */
export type Job =
  | ({ readonly kind: "import" } & z.output<typeof ImportJob>)
  | ({ readonly kind: "model" } & z.output<typeof ModelJob>)
  | ({ readonly kind: "training" } & z.output<typeof TrainingJob>)
  | ({ readonly kind: "generation" } & z.output<typeof GenerationJob>)
  | ({ readonly kind: "audit" } & z.output<typeof AuditJob>)
  | ({ readonly kind: "read" } & z.output<typeof ReadJob>)
  | ({ readonly kind: "fetch" } & z.output<typeof FetchJob>);

/** Where the processes of a job meet. */
export const Rendezvous = z.strictObject({ address: z.string(), port: uint32 });
export type Rendezvous = z.output<typeof Rendezvous>;

/** An agent's share of a job of several processes. */
export const Ranks = z.strictObject({
  firstRank: uint32,
  localRanks: uint32,
  worldSize: uint32,
  rendezvous: Rendezvous,
});
export type Ranks = z.output<typeof Ranks>;

/** A job with where and how it runs. */
export interface JobOrder<Ordered extends Job = Job> {
  /** Unique in the run; a job of the same id is started once. */
  readonly jobId: string;
  /** Environment whose interpreter runs it. */
  readonly environment: string;
  /** Folder for the engine's log; made when missing. */
  readonly logPath: string;
  /** Threads for arithmetic. */
  readonly threads: number;
  /** Time that a training has to save a checkpoint where the machine is taken away. */
  readonly preemptionGraceMs: number;
  readonly job: Ordered;
  /** The processes that the agent starts for it; absent for one alone. */
  readonly ranks?: Ranks;
}

export const ImportResult = z.strictObject({ rows: uint64, images: uint64, newImages: uint64 });

export const TrainingResult = z.strictObject({
  steps: uint32,
  targetTokens: uint64,
  finalLoss: number,
  weightsSha256: z.string(),
  gateValue: number.optional(),
});

export const ModelResult = z.strictObject({ parameters: uint64, vocabularySize: uint32, weightsSha256: z.string() });

export const GenerationDone = z.strictObject({ requests: uint64 });

export const AuditResult = z.strictObject({
  rows: uint64,
  images: uint64,
  tokens: uint64,
  imageTokens: uint64,
  targetTokens: uint64,
  longestRowTokens: uint32,
  capped: uint64,
  dropped: uint64,
  refused: uint64,
});

export const ReadResult = z.strictObject({ rows: uint64, imageRoot: z.string(), found: z.string() });

export const FetchResult = z.strictObject({ path: z.string(), commit: z.string(), bytes: uint64 });

/** What a job made. */
export type JobDone =
  | ({ readonly kind: "imported" } & z.output<typeof ImportResult>)
  | ({ readonly kind: "made" } & z.output<typeof ModelResult>)
  | ({ readonly kind: "trained" } & z.output<typeof TrainingResult>)
  | ({ readonly kind: "generated" } & z.output<typeof GenerationDone>)
  | ({ readonly kind: "audited" } & z.output<typeof AuditResult>)
  | ({ readonly kind: "read" } & z.output<typeof ReadResult>)
  | ({ readonly kind: "fetched" } & z.output<typeof FetchResult>);
