import { setTimeout as sleep } from "node:timers/promises";
import { NODE_LOST_AFTER_MS, PEER_WORDS_MS } from "../../sdk/client/limits.js";
import { RunError } from "../../sdk/failure/failure.js";
import type { JobEvent } from "./job-event.js";
import type { JobDone, JobOrder } from "./jobs.js";
import type { Worker } from "./worker.js";

/** Jobs that are begun because a port that was free a moment before was taken by another process. */
const RENDEZVOUS_ATTEMPTS = 3;

type OnEvent = (event: JobEvent) => Promise<void> | void;

/**
 * Runs one job with ranks on every worker to its end. Rank 0, on the first worker, speaks for all: its events come
 * once each and in order, and of the others what they print.
 *
 * @throws RunError of the rank or node that failed first of its own accord, with `rank`, `node` and `host`; nothing of
 *   the job is left then, on any worker. `preempted` when all have saved after such a signal, `user_cancel` after another.
 */
export async function runGang(
  workers: readonly Worker[],
  order: JobOrder,
  ranksPerNode: number,
  onEvent: OnEvent,
  signal: AbortSignal,
): Promise<JobDone> {
  const [first, ...others] = workers;
  if (first === undefined) throw new RunError({ code: "internal", detail: `${order.jobId}: a job without a worker` });
  if (others.length === 0 && ranksPerNode === 1) return await first.runJob(order, onEvent, signal);
  for (let attempt = 1; ; attempt += 1) {
    // A job of an id that an agent knows is not started again.
    const jobId = attempt === 1 ? order.jobId : `${order.jobId}.${attempt}`;
    try {
      return await runTogether([first, ...others], { ...order, jobId }, ranksPerNode, onEvent, signal);
    } catch (error) {
      const taken = error instanceof RunError && error.failure.code === "address_in_use";
      if (!taken || attempt === RENDEZVOUS_ATTEMPTS) throw error;
    }
  }
}

async function runTogether(
  workers: readonly [Worker, ...Worker[]],
  order: JobOrder,
  localRanks: number,
  onEvent: OnEvent,
  signal: AbortSignal,
): Promise<JobDone> {
  const rendezvous = await workers[0].offerRendezvous(signal);
  const failures = new Failures();
  const stop = AbortSignal.any([signal, failures.endOthers]);
  const share = async (worker: Worker, node: number): Promise<JobDone | undefined> => {
    const ranks = { firstRank: node * localRanks, localRanks, worldSize: workers.length * localRanks, rendezvous };
    const heard = workers.length === 1 ? onEvent : heardFrom(worker, node, onEvent);
    try {
      return await worker.runJob({ ...order, ranks }, heard, stop);
    } catch (error) {
      failures.add(named(error, worker));
      return undefined;
    }
  };
  const shares = Promise.all(workers.map(share));
  await failures.end(shares);
  const [done] = await shares;
  if (failures.cause !== undefined) throw failures.cause;
  if (done === undefined) throw new RunError({ code: "internal", detail: `${order.jobId}: no result and no failure` });
  return done;
}

/** Every event of rank 0's node; of the others what they print. All of them behind the name of the node. */
function heardFrom(worker: Worker, node: number, onEvent: OnEvent): OnEvent {
  return async (event) => {
    if (event.type === "log") await onEvent({ ...event, text: `[${worker.name}] ${event.text}` });
    else if (node === 0) await onEvent(event);
  };
}

/** How the shares of a job failed, in the order in which they did. */
class Failures {
  readonly #all: Error[] = [];
  readonly #first = new AbortController();
  readonly #cause = new AbortController();
  readonly #endOthers = new AbortController();
  /** Aborted when the shares that still run have no point any more. */
  readonly endOthers = this.#endOthers.signal;

  add(error: Error): void {
    // What ends because it was told to is no cause.
    if (this.endOthers.aborted) return;
    this.#all.push(error);
    this.#first.abort();
    if (!isVictim(error)) this.#cause.abort();
  }

  /** The first failure that no other one explains. */
  get cause(): Error | undefined {
    return this.#all.find((error) => !isVictim(error)) ?? this.#all[0];
  }

  /**
   * Waits for the shares; once one has failed, ends the others after they had time for their own words. Where all
   * words so far are a victim's, whoever is silent may be the cause: a node that is gone is known as such only later.
   */
  async end(shares: Promise<unknown>): Promise<void> {
    await Promise.race([shares, aborted(this.#first.signal)]);
    await within(PEER_WORDS_MS, shares);
    await within(NODE_LOST_AFTER_MS, Promise.race([shares, aborted(this.#cause.signal)]));
    this.#endOthers.abort(new RunError({ code: "user_cancel", detail: "another node's share of the job has failed" }));
  }
}

function isVictim(error: Error): boolean {
  return error instanceof RunError && error.failure.facts["collective"] === "true";
}

/** The failure with the node that it is of; an end that somebody asked for is of none. */
function named(error: unknown, worker: Worker): Error {
  if (!(error instanceof RunError)) return error instanceof Error ? error : new Error(String(error), { cause: error });
  const { failure } = error;
  if (failure.code === "user_cancel" || failure.code === "preempted") return error;
  const facts = { ...failure.facts, node: worker.name, host: worker.handshake.host };
  return new RunError({ ...failure, facts }, { cause: error });
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

async function within(ms: number, something: Promise<unknown>): Promise<void> {
  const waiting = new AbortController();
  await Promise.race([something, sleep(ms, undefined, { signal: waiting.signal }).catch(() => undefined)]);
  waiting.abort();
}
