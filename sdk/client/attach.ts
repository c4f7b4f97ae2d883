import { parseEvent } from "../run-folder/event-line.js";
import type { StoredEvent } from "../run-folder/events.js";
import { followEvents } from "../run-folder/read-events.js";
import { type RunState, runState } from "../run-folder/run-state.js";
import { readRunnerRecord } from "./runner-record.js";

/** A run that has everything in the cache ends within this time: less than it takes to load gRPC. */
const FIRST_LOOK_MS = 1_000;

/**
 * Every event of a run after a number, once and in order, then the new ones, until the run has ended or nobody runs
 * it any more. Asks the runner while it can be reached, and reads the run folder otherwise.
 *
 * @returns Where the run then stands; `running` after the signal.
 */
export async function attach(
  runDir: string,
  afterSeq: number,
  onEvent: (event: StoredEvent) => Promise<void> | void,
  signal: AbortSignal,
): Promise<RunState> {
  let last = afterSeq;
  const take = async (event: StoredEvent) => {
    if (event.seq <= last) return;
    last = event.seq;
    await onEvent(event);
  };
  const firstLook = AbortSignal.any([signal, AbortSignal.timeout(FIRST_LOOK_MS)]);
  for await (const event of followEvents(runDir, afterSeq, firstLook)) {
    await take(event);
    if (signal.aborted) return "running";
  }
  if ((await runState(runDir)) === "running") await watchRunner(runDir, last, take, signal);
  for await (const event of followEvents(runDir, last, signal)) await take(event);
  return signal.aborted ? "running" : await runState(runDir);
}

/** Events from the runner, as long as it answers. What it could not send is read from the folder afterwards. */
async function watchRunner(
  runDir: string,
  afterSeq: number,
  take: (event: StoredEvent) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const record = await readRunnerRecord(runDir);
  if (record === undefined) return;
  const [{ RunnerClient }, { RpcError }] = await Promise.all([import("./runner-client.js"), import("./grpc.js")]);
  await using client = await RunnerClient.open(record);
  try {
    for await (const { line } of client.watch(afterSeq, signal)) await take(parseEvent(line));
  } catch (error) {
    if (!(error instanceof RpcError) && !signal.aborted) throw error;
  }
}
