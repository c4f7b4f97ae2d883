import { z } from "zod";
import { type Rpc, uint32, uint64 } from "./wire.js";

const GetRunRequest = z.strictObject({});

const GetRunReply = z.strictObject({
  runId: z.string(),
  epoch: uint64,
  lastSeq: uint64,
  pid: uint32,
  liveEndpoint: z.string(),
});
/** Where a run stands. `liveEndpoint` is empty when the run has no live view. */
export type GetRunReply = z.output<typeof GetRunReply>;

const WatchRunRequest = z.strictObject({ afterSeq: uint64 });

const RunEvent = z.strictObject({ seq: uint64, line: z.string() });
/** One stored event: its number in the run and its line, canonical JSON. */
export type RunEventLine = z.output<typeof RunEvent>;

const CancelRunRequest = z.strictObject({ reason: z.string() });

const CancelRunReply = z.strictObject({ accepted: z.boolean() });

const RegisterAgentRequest = z.strictObject({
  agentId: z.string(),
  address: z.string(),
  workerVersion: z.string(),
  epoch: uint64,
  pid: uint32,
});
/** An agent that reports for work. */
export type RegisterAgentRequest = z.output<typeof RegisterAgentRequest>;

const RegisterAgentReply = z.strictObject({ epoch: uint64 });

const service = "RunnerService";

export const getRun: Rpc<z.output<typeof GetRunRequest>, GetRunReply> = {
  service,
  name: "GetRun",
  request: GetRunRequest,
  reply: GetRunReply,
};
export const watchRun: Rpc<z.output<typeof WatchRunRequest>, RunEventLine> = {
  service,
  name: "WatchRun",
  request: WatchRunRequest,
  reply: RunEvent,
};
export const cancelRun: Rpc<z.output<typeof CancelRunRequest>, z.output<typeof CancelRunReply>> = {
  service,
  name: "CancelRun",
  request: CancelRunRequest,
  reply: CancelRunReply,
};
export const registerAgent: Rpc<RegisterAgentRequest, z.output<typeof RegisterAgentReply>> = {
  service,
  name: "RegisterAgent",
  request: RegisterAgentRequest,
  reply: RegisterAgentReply,
};

/** Every message of `runner.proto`, by name. */
export const runnerMessages = {
  GetRunRequest,
  GetRunReply,
  WatchRunRequest,
  RunEvent,
  CancelRunRequest,
  CancelRunReply,
  RegisterAgentRequest,
  RegisterAgentReply,
};

/** Every rpc of RunnerService. */
export const runnerRpcs = [getRun, watchRun, cancelRun, registerAgent];
