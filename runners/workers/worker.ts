import { RunError } from "../../sdk/failure/failure.js";
import type { Agent } from "./agent.js";
import { Engine } from "./engine.js";
import { followJob } from "./follow-job.js";
import type { JobEvent } from "./job-event.js";
import type { JobDone, JobOrder, Rendezvous } from "./jobs.js";
import { type HandshakeReply, offerRendezvous } from "./messages.js";
import { persist } from "./watch.js";

export type { Engine, Finished } from "./engine.js";
export type { TextRequest } from "./generate-stream.js";

/** What jobs are given to: one worker agent, by whatever launcher started it. */
export class Worker implements AsyncDisposable {
  /** Name of the agent, unique in the run. */
  readonly name: string;
  readonly #agent: Agent;
  readonly #end: () => Promise<void>;

  /** `end` ends the agent; the worker closes the connection after it. */
  constructor(name: string, agent: Agent, end: () => Promise<void>) {
    this.name = name;
    this.#agent = agent;
    this.#end = end;
  }

  /** Who the agent is, as it said at the start. */
  get handshake(): HandshakeReply {
    return this.#agent.handshake;
  }

  /** Aborted, with the failure, when the agent is lost. */
  get gone(): AbortSignal {
    return this.#agent.gone;
  }

  /**
   * Runs one job to its end. Its events come once each and in order; the next waits for `onEvent`.
   *
   * @throws RunError: the job's failure, `node_lost` when the agent is gone, `user_cancel` after the signal,
   *   `preempted` after a signal that says so.
   */
  async runJob(
    order: JobOrder,
    onEvent: (event: JobEvent) => Promise<void> | void,
    signal: AbortSignal,
  ): Promise<JobDone> {
    const end = await followJob(this.#agent, order, onEvent, signal);
    if (end.type === "failed") throw new RunError(end.failure);
    return end.done;
  }

  /** A place on this worker's node where the ranks of a job can meet. */
  async offerRendezvous(signal: AbortSignal): Promise<Rendezvous> {
    const stop = AbortSignal.any([signal, this.gone]);
    return (await persist(() => this.#agent.client.unary(offerRendezvous, {}, { signal: stop }), stop)).rendezvous;
  }

  /** Starts a generation engine and waits until it is ready; throws as `runJob` does. */
  async openEngine(
    order: JobOrder,
    onEvent: (event: JobEvent) => Promise<void> | void,
    signal: AbortSignal,
  ): Promise<Engine> {
    return await Engine.open(this.#agent, order, onEvent, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
    await this.#agent[Symbol.asyncDispose]();
  }
}
