import { z } from "zod";
import { Failure } from "../failure/failure.js";

const stage = z.string();
const count = z.number().int().min(0);

/** Why a text ended. */
export const Finish = z.enum(["stop", "length", "repetition", "refusal", "abort", "error"]);
export type Finish = z.output<typeof Finish>;

/** A file of the blob store. */
export const FileRef = z.strictObject({ sha256: z.string(), bytes: count }).readonly();
export type FileRef = z.output<typeof FileRef>;

/** A folder of the blob store; its hash covers names and contents of all files. */
export const TreeRef = z.strictObject({ tree: z.string(), bytes: count }).readonly();
export type TreeRef = z.output<typeof TreeRef>;

/** Everything that can happen to a run, one literal tag each. Times and numbers are added by the log. */
export const RunEvent = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("run_started"),
    run: z.string(),
    experiment: z.string(),
    specSha256: z.string(),
    pid: count,
    version: z.string(),
  }),
  z.strictObject({ type: z.literal("stage_started"), stage, kind: z.string(), key: z.string(), why: z.string() }),
  z.strictObject({ type: z.literal("stage_cached"), stage, kind: z.string(), key: z.string() }),
  z.strictObject({ type: z.literal("stage_finished"), stage, kind: z.string(), key: z.string(), seconds: z.number() }),
  z.strictObject({
    type: z.literal("phase"),
    stage,
    phase: z.enum(["starting", "loading", "planning", "running", "saving"]),
    pid: count,
  }),
  z.strictObject({ type: z.literal("progress"), stage, done: count, total: count, unit: z.string() }),
  z.strictObject({
    type: z.literal("rows_planned"),
    stage,
    rows: count,
    tokens: count,
    imageTokens: count,
    targetTokens: count,
    longestRowTokens: count,
  }),
  z.strictObject({
    type: z.literal("step"),
    stage,
    step: count,
    steps: count,
    loss: z.number(),
    gradientNorm: z.number(),
    learningRate: z.number(),
    targetTokens: count,
    tokens: count,
    dataSeconds: z.number(),
    forwardSeconds: z.number(),
    backwardSeconds: z.number(),
    updateSeconds: z.number(),
    peakMemoryBytes: count,
    /** Absent in logs of versions before 0.2. */
    peakDeviceMemoryBytes: count.default(0),
    passes: count.default(1),
    ranks: count.default(1),
  }),
  z.strictObject({
    type: z.literal("gate"),
    stage,
    step: count,
    value: z.number(),
    atLeast: z.number(),
    passed: z.boolean(),
  }),
  z.strictObject({ type: z.literal("checkpoint"), stage, step: count, path: z.string() }),
  z.strictObject({ type: z.literal("engine_ready"), stage, loadSeconds: z.number() }),
  z.strictObject({ type: z.literal("log"), stage, stream: z.enum(["stdout", "stderr"]), text: z.string() }),
  /** What a stage has found, in a sentence that its reader should see. */
  z.strictObject({ type: z.literal("note"), stage, text: z.string() }),
  z.strictObject({
    type: z.literal("sample_done"),
    stage,
    key: z.string(),
    item: z.string(),
    sample: count,
    seed: count,
    finish: Finish,
    text: FileRef,
    promptTokens: count,
    outputTokens: count,
    promptSha256: z.string(),
    failure: Failure.optional(),
  }),
  z.strictObject({
    type: z.literal("verdict"),
    stage,
    key: z.string(),
    item: z.string(),
    sample: count,
    verdict: z.enum(["judged", "refused", "unparsable", "error", "skipped"]),
    reply: FileRef.optional(),
    failure: Failure.optional(),
  }),
  z.strictObject({
    type: z.literal("agent_started"),
    agent: z.string(),
    pid: count,
    host: z.string(),
    versions: z.record(z.string(), z.string()),
  }),
  z.strictObject({ type: z.literal("cancel_asked"), reason: z.string() }),
  z.strictObject({ type: z.literal("run_finished"), seconds: z.number() }),
  z.strictObject({ type: z.literal("run_failed"), failure: Failure, stage: stage.optional() }),
  z.strictObject({ type: z.literal("run_cancelled"), reason: z.string() }),
  /** The runner was told to leave in good order. No end: the same command goes on. */
  z.strictObject({ type: z.literal("run_preempted"), failure: Failure, stage: stage.optional() }),
]);
export type RunEvent = z.output<typeof RunEvent>;

/** A stored event: its number (from 1, without gaps), the epoch of its writer, its time, and the hash of the line before it. */
export const StoredEvent = z
  .strictObject({
    seq: z.number().int().min(1),
    epoch: z.number().int().min(1),
    time: z.iso.datetime(),
    previous: z.string(),
    event: RunEvent,
  })
  .readonly();
export type StoredEvent = z.output<typeof StoredEvent>;

/** How a run ended; written once for each epoch that ends it. */
export const ExitRecord = z
  .strictObject({
    state: z.enum(["finished", "failed", "cancelled"]),
    epoch: z.number().int().min(1),
    time: z.iso.datetime(),
    failure: Failure.optional(),
  })
  .readonly();
export type ExitRecord = z.output<typeof ExitRecord>;
