import { CALL_DEADLINE_MS, DEFAULT_GRACE_MS } from "../../sdk/client/limits.js";
import { RunError } from "../../sdk/failure/failure.js";
import type { Agent } from "./agent.js";
import { type JobEnd, type JobEvent, startRequest } from "./job-event.js";
import type { JobOrder } from "./jobs.js";
import { cancelJob, startJob } from "./messages.js";
import { persist, watchToEnd } from "./watch.js";

/**
 * Starts a job and follows it to its end. Whatever else ends the following (the signal, an event that
 * could not be stored) cancels the job first, so that nothing of it is left when this throws.
 *
 * @throws RunError `user_cancel` after the signal, or the RunError that the signal was aborted with.
 */
export async function followJob(
  agent: Agent,
  order: JobOrder,
  onEvent: (event: JobEvent) => Promise<void> | void,
  signal: AbortSignal,
): Promise<JobEnd> {
  const stop = AbortSignal.any([signal, agent.gone]);
  const cursor = { seen: 0 };
  try {
    // Harmless to repeat: a job of a known id is not started again.
    await persist(() => agent.client.unary(startJob, startRequest(order), { signal: stop }), stop);
    return await watchToEnd(agent, order.jobId, onEvent, stop, cursor);
  } catch (error) {
    if (!agent.gone.aborted) await endJob(agent, order.jobId, cursor);
    throw signal.aborted ? cancelled(signal.reason) : error;
  }
}

/** Ends a job and waits until nothing of it is left; harmless when it has ended. */
async function endJob(agent: Agent, jobId: string, cursor: { seen: number }): Promise<void> {
  const stop = AbortSignal.any([agent.gone, AbortSignal.timeout(DEFAULT_GRACE_MS + CALL_DEADLINE_MS)]);
  try {
    await persist(() => agent.client.unary(cancelJob, { jobId, graceMs: DEFAULT_GRACE_MS }, { signal: stop }), stop);
    await watchToEnd(agent, jobId, () => undefined, stop, cursor);
  } catch {
    // An agent that cannot be reached any more ends its jobs by itself; why this job was to end is what counts.
  }
}

function cancelled(reason: unknown): RunError {
  if (reason instanceof RunError) return reason;
  return new RunError({ code: "user_cancel" }, { cause: reason });
}
