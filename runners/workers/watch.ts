import { setTimeout as sleep } from "node:timers/promises";
import { RpcError } from "../../sdk/client/grpc.js";
import { FIRST_RECONNECT_DELAY_MS, LONGEST_RECONNECT_DELAY_MS } from "../../sdk/client/limits.js";
import { RunError } from "../../sdk/failure/failure.js";
import type { Agent } from "./agent.js";
import { type JobEnd, type JobEvent, jobEvent } from "./job-event.js";
import { watchJob } from "./messages.js";

/** Statuses that say nothing about the request: the way to the agent, or a call on it, broke. */
const PASSING = new Set(["UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "ABORTED"]);

/** Whether a call may be made again. */
export function mayPass(error: unknown): boolean {
  if (!(error instanceof RpcError)) return false;
  // What a proxy or a dying peer makes of a stream that it resets.
  return PASSING.has(error.status) || (error.status === "INTERNAL" && /RST_STREAM|GOAWAY/.test(error.detail));
}

/** A refused call as the run's failure. */
export function refusal(error: unknown): unknown {
  if (!(error instanceof RpcError)) return error;
  const facts = { rpc: error.rpc, status: error.status };
  switch (error.status) {
    case "FAILED_PRECONDITION":
      return new RunError({ code: "run_busy", detail: error.detail, facts }, { cause: error });
    case "NOT_FOUND":
    case "OUT_OF_RANGE":
      // Another agent answers at this address: the one that knew the job and its events is gone.
      return new RunError({ code: "node_lost", detail: error.detail, facts }, { cause: error });
    case "INVALID_ARGUMENT":
      return new RunError({ code: "spec_refused", detail: error.detail, facts }, { cause: error });
    case "RESOURCE_EXHAUSTED":
      return new RunError({ code: "data_refused", detail: error.detail, facts }, { cause: error });
    default:
      return new RunError({ code: "internal", detail: error.message, facts }, { cause: error });
  }
}

/**
 * Makes an attempt again while the way to the agent is broken. The one layer that repeats anything:
 * only what is safe to repeat comes here, and it ends when the signal does (`Agent.gone` decides
 * when there is nobody left to reach). `received` resets the wait.
 */
export async function persist<Result>(
  attempt: (received: () => void) => Promise<Result>,
  signal: AbortSignal,
): Promise<Result> {
  let delayMs = FIRST_RECONNECT_DELAY_MS;
  const received = () => {
    delayMs = FIRST_RECONNECT_DELAY_MS;
  };
  for (;;) {
    signal.throwIfAborted();
    try {
      return await attempt(received);
    } catch (error) {
      signal.throwIfAborted();
      if (!mayPass(error)) throw refusal(error);
    }
    await sleep(delayMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    delayMs = Math.min(delayMs * 2, LONGEST_RECONNECT_DELAY_MS);
  }
}

/**
 * Every event of a job, once and in order, whatever happens to the stream: a new one starts after the
 * last event that was received, which `cursor` holds. The next event waits until `onEvent` has settled.
 *
 * @throws RunError `node_lost` when the agent is gone, `run_busy` when another runner has taken over.
 */
export async function watchToEnd(
  agent: Agent,
  jobId: string,
  onEvent: (event: JobEvent) => Promise<void> | void,
  signal: AbortSignal,
  cursor = { seen: 0 },
): Promise<JobEnd> {
  return await persist(async (received) => {
    for await (const message of agent.client.stream(watchJob, { jobId, afterSeq: cursor.seen }, signal)) {
      received();
      if (message.epoch !== agent.epoch)
        throw new RunError({
          code: "run_busy",
          facts: { job: jobId, found: `epoch ${message.epoch}`, expected: `epoch ${agent.epoch}` },
        });
      if (message.seq !== cursor.seen + 1)
        throw new RunError({
          code: "internal",
          detail: `${jobId}: event ${message.seq} came after event ${cursor.seen}`,
        });
      cursor.seen = message.seq;
      const event = jobEvent(message);
      await onEvent(event);
      if (event.type === "done" || event.type === "failed") return event;
    }
    throw new RpcError(watchJob.name, "UNAVAILABLE", "the stream ended before the job");
  }, signal);
}
