import { z } from "zod";
import { enumeration, exactlyOne, type Rpc, timestamp, uint32, uint64 } from "../../sdk/client/wire.js";
import * as jobs from "./jobs.js";
import { WireFailure } from "./failure-wire.js";

// The messages of worker.proto, event.proto and generation.proto.

const HandshakeRequest = z.strictObject({ runnerVersion: z.string() });

const EnvironmentReport = z.strictObject({
  name: z.string(),
  python: z.string(),
  versions: z.record(z.string(), z.string()),
});

const HandshakeReply = z.strictObject({
  workerVersion: z.string(),
  host: z.string(),
  pid: uint32,
  epoch: uint64,
  environments: z.array(EnvironmentReport),
  jobs: z.array(z.string()),
  liveEndpoint: z.string(),
});
/** Who an agent is. `liveEndpoint` is empty when it has no live view. */
export type HandshakeReply = z.output<typeof HandshakeReply>;

const jobFields = exactlyOne(["import", "model", "training", "generation", "audit", "read", "fetch"]);
const StartJobRequest = z
  .strictObject({
    jobId: z.string(),
    environment: z.string(),
    logPath: z.string(),
    threads: uint32,
    preemptionGraceMs: uint32,
    import: jobs.ImportJob.optional(),
    model: jobs.ModelJob.optional(),
    training: jobs.TrainingJob.optional(),
    generation: jobs.GenerationJob.optional(),
    audit: jobs.AuditJob.optional(),
    read: jobs.ReadJob.optional(),
    fetch: jobs.FetchJob.optional(),
    ranks: jobs.Ranks.optional(),
  })
  .refine(jobFields.check, jobFields.error);
export type StartJobRequest = z.output<typeof StartJobRequest>;

const OfferRendezvousRequest = z.strictObject({});
const OfferRendezvousReply = z.strictObject({ rendezvous: jobs.Rendezvous });

const StartJobReply = z.strictObject({ started: z.boolean() });
const WatchJobRequest = z.strictObject({ jobId: z.string(), afterSeq: uint64 });
const CancelJobRequest = z.strictObject({ jobId: z.string(), graceMs: uint32 });
const CancelJobReply = z.strictObject({ wasRunning: z.boolean() });
const ShutdownRequest = z.strictObject({ graceMs: uint32 });
const ShutdownReply = z.strictObject({});

const PhaseEntered = z.strictObject({
  phase: enumeration("PHASE", ["starting", "loading", "planning", "running", "saving"]),
  pid: uint32,
});

const Progress = z.strictObject({ done: uint64, total: uint64, unit: z.string() });

const TrainingStep = z.strictObject({
  step: uint32,
  steps: uint32,
  loss: z.number(),
  gradientNorm: z.number(),
  learningRate: z.number(),
  targetTokens: uint32,
  tokens: uint32,
  dataSeconds: z.number(),
  forwardSeconds: z.number(),
  backwardSeconds: z.number(),
  updateSeconds: z.number(),
  peakMemoryBytes: uint64,
  peakDeviceMemoryBytes: uint64,
  passes: uint32,
  ranks: uint32,
});

const GateMeasured = z.strictObject({ step: uint32, value: z.number(), atLeast: z.number(), passed: z.boolean() });
const CheckpointWritten = z.strictObject({ step: uint32, path: z.string() });

const RowsPlanned = z.strictObject({
  rows: uint64,
  tokens: uint64,
  imageTokens: uint64,
  targetTokens: uint64,
  longestRowTokens: uint32,
});

const EngineReady = z.strictObject({ loadSeconds: z.number() });
const LogLine = z.strictObject({ stream: z.enum(["stdout", "stderr"]), text: z.string() });

const resultFields = exactlyOne(["imported", "trained", "made", "generated", "audited", "read", "fetched"]);
const JobDone = z
  .strictObject({
    imported: jobs.ImportResult.optional(),
    trained: jobs.TrainingResult.optional(),
    made: jobs.ModelResult.optional(),
    generated: jobs.GenerationDone.optional(),
    audited: jobs.AuditResult.optional(),
    read: jobs.ReadResult.optional(),
    fetched: jobs.FetchResult.optional(),
  })
  .refine(resultFields.check, resultFields.error);

const whatFields = exactlyOne([
  "phase",
  "progress",
  "rowsPlanned",
  "step",
  "gate",
  "checkpoint",
  "ready",
  "log",
  "done",
  "failed",
]);
const JobEvent = z
  .strictObject({
    jobId: z.string(),
    seq: uint64,
    epoch: uint64,
    time: timestamp,
    phase: PhaseEntered.optional(),
    progress: Progress.optional(),
    rowsPlanned: RowsPlanned.optional(),
    step: TrainingStep.optional(),
    gate: GateMeasured.optional(),
    checkpoint: CheckpointWritten.optional(),
    ready: EngineReady.optional(),
    log: LogLine.optional(),
    done: JobDone.optional(),
    failed: WireFailure.optional(),
  })
  .refine(whatFields.check, whatFields.error);
export type WireJobEvent = z.output<typeof JobEvent>;

const ImageReference = z.strictObject({ sha256: z.string(), width: uint32, height: uint32 });

const Sampling = z.strictObject({
  temperature: z.number(),
  topP: z.number(),
  topK: uint32,
  maxTokens: uint32,
  minTokens: uint32,
  seed: uint64,
});

const GenerateRequest = z.strictObject({
  jobId: z.string(),
  requestId: z.string(),
  prompt: z.string(),
  images: z.array(ImageReference).readonly(),
  sampling: Sampling,
  cancel: z.boolean(),
});
export type GenerateRequest = z.output<typeof GenerateRequest>;

const TextDelta = z.strictObject({ text: z.string(), tokens: uint32 });
/** New text of a request: a preview. After a dropped stream some of it may be missing; the finished text is whole. */
export type TextDelta = z.output<typeof TextDelta>;

const GenerateFinished = z.strictObject({
  finish: enumeration("FINISH_REASON", ["stop", "length", "abort", "error"]),
  text: z.string(),
  promptTokens: uint32,
  outputTokens: uint32,
  promptSha256: z.string(),
  failure: WireFailure.optional(),
});
/** A written text, and why it ended. */
export type GenerateFinished = z.output<typeof GenerateFinished>;

const replyFields = exactlyOne(["delta", "finished"]);
const GenerateReply = z
  .strictObject({ requestId: z.string(), delta: TextDelta.optional(), finished: GenerateFinished.optional() })
  .refine(replyFields.check, replyFields.error);
export type GenerateReply = z.output<typeof GenerateReply>;

const service = "WorkerService";

export const handshake: Rpc<z.output<typeof HandshakeRequest>, HandshakeReply> = {
  service,
  name: "Handshake",
  request: HandshakeRequest,
  reply: HandshakeReply,
};
export const offerRendezvous: Rpc<object, z.output<typeof OfferRendezvousReply>> = {
  service,
  name: "OfferRendezvous",
  request: OfferRendezvousRequest,
  reply: OfferRendezvousReply,
};
export const startJob: Rpc<StartJobRequest, z.output<typeof StartJobReply>> = {
  service,
  name: "StartJob",
  request: StartJobRequest,
  reply: StartJobReply,
};
export const watchJob: Rpc<z.output<typeof WatchJobRequest>, WireJobEvent> = {
  service,
  name: "WatchJob",
  request: WatchJobRequest,
  reply: JobEvent,
};
export const cancelJob: Rpc<z.output<typeof CancelJobRequest>, z.output<typeof CancelJobReply>> = {
  service,
  name: "CancelJob",
  request: CancelJobRequest,
  reply: CancelJobReply,
};
export const generate: Rpc<GenerateRequest, GenerateReply> = {
  service,
  name: "Generate",
  request: GenerateRequest,
  reply: GenerateReply,
};
export const shutdown: Rpc<z.output<typeof ShutdownRequest>, z.output<typeof ShutdownReply>> = {
  service,
  name: "Shutdown",
  request: ShutdownRequest,
  reply: ShutdownReply,
};

/** Every message of the border to a worker agent, by its name in the proto. */
export const workerMessages = {
  HandshakeRequest,
  EnvironmentReport,
  HandshakeReply,
  OfferRendezvousRequest,
  OfferRendezvousReply,
  Rendezvous: jobs.Rendezvous,
  Ranks: jobs.Ranks,
  StartJobRequest,
  StartJobReply,
  WatchJobRequest,
  CancelJobRequest,
  CancelJobReply,
  ShutdownRequest,
  ShutdownReply,
  PhaseEntered,
  Progress,
  TrainingStep,
  GateMeasured,
  CheckpointWritten,
  RowsPlanned,
  EngineReady,
  LogLine,
  JobDone,
  JobEvent,
  Failure: WireFailure,
  ImageReference,
  Sampling,
  GenerateRequest,
  TextDelta,
  GenerateFinished,
  GenerateReply,
  VisionPolicy: jobs.VisionPolicy,
  ImportJob: jobs.ImportJob,
  ImportResult: jobs.ImportResult,
  Optimizer: jobs.Optimizer,
  PartLearningRate: jobs.PartLearningRate,
  FullTuning: jobs.FullTuning,
  LoraTuning: jobs.LoraTuning,
  Tuning: jobs.Tuning,
  Zero: jobs.Zero,
  Schedule: jobs.Schedule,
  Gate: jobs.Gate,
  TrainingJob: jobs.TrainingJob,
  TrainingResult: jobs.TrainingResult,
  TextArchitecture: jobs.TextArchitecture,
  VisionArchitecture: jobs.VisionArchitecture,
  ModelJob: jobs.ModelJob,
  ModelResult: jobs.ModelResult,
  GenerationJob: jobs.GenerationJob,
  GenerationDone: jobs.GenerationDone,
  AuditJob: jobs.AuditJob,
  AuditResult: jobs.AuditResult,
  ReadJob: jobs.ReadJob,
  ReadResult: jobs.ReadResult,
  FetchJob: jobs.FetchJob,
  FetchResult: jobs.FetchResult,
};

/** Every rpc of WorkerService. */
export const workerRpcs = [handshake, offerRendezvous, startJob, watchJob, cancelJob, generate, shutdown];
