import { CALL_DEADLINE_MS, DEFAULT_GRACE_MS } from "../../sdk/client/limits.js";
import { RunError } from "../../sdk/failure/failure.js";
import type { Agent } from "./agent.js";
import { type JobEnd, type JobEvent, startRequest } from "./job-event.js";
import type { JobOrder } from "./jobs.js";
import { cancelJob, startJob } from "./messages.js";
import { persist, watchToEnd } from "./watch.js";

/**
 * Starts a job and follows it to its end. Whatever else ends the following (the signal, an event that
 * could not be stored) cancels the job first, so that nothing of it is left when this throws. A training that is
 * preempted has time to save a checkpoint: what it says about that comes as events too, and its own end is the end.
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
    const saves = order.job.kind === "training" && isPreemption(signal);
    const end = saves
      ? await endJob(agent, order.jobId, cursor, order.preemptionGraceMs, onEvent)
      : await endJob(agent, order.jobId, cursor, DEFAULT_GRACE_MS, () => undefined);
    if (saves && (end?.type === "done" || end?.failure.code === "preempted")) return end;
    throw signal.aborted ? cancelled(signal.reason) : error;
  }
}

/** Ends a job and waits until nothing of it is left; harmless when it has ended. Returns how, where the agent still says. */
async function endJob(
  agent: Agent,
  jobId: string,
  cursor: { seen: number },
  graceMs: number,
  onEvent: (event: JobEvent) => Promise<void> | void,
): Promise<JobEnd | undefined> {
  const stop = AbortSignal.any([agent.gone, AbortSignal.timeout(graceMs + CALL_DEADLINE_MS)]);
  try {
    await persist(() => agent.client.unary(cancelJob, { jobId, graceMs }, { signal: stop }), stop);
    return await watchToEnd(agent, jobId, onEvent, stop, cursor);
  } catch {
    // An agent that cannot be reached any more ends its jobs by itself; why this job was to end is what counts.
    return undefined;
  }
}

function isPreemption({ aborted, reason }: AbortSignal): boolean {
  return aborted && reason instanceof RunError && reason.failure.code === "preempted";
}

function cancelled(reason: unknown): RunError {
  if (reason instanceof RunError) return reason;
  return new RunError({ code: "user_cancel" }, { cause: reason });
}
