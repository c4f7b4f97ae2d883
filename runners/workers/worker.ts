import { RunError } from "../../sdk/failure/failure.js";
import type { Agent } from "./agent.js";
import { Engine } from "./engine.js";
import { followJob } from "./follow-job.js";
import type { JobEvent } from "./job-event.js";
import type { JobDone, JobOrder } from "./jobs.js";
import type { HandshakeReply } from "./messages.js";

export type { Engine, Finished } from "./engine.js";
export type { TextRequest } from "./generate-stream.js";

/** What jobs are given to: one worker agent, by whatever launcher started it. */
export class Worker implements AsyncDisposable {
  readonly #agent: Agent;
  readonly #end: () => Promise<void>;

  /** `end` ends the agent; the worker closes the connection after it. */
  constructor(agent: Agent, end: () => Promise<void>) {
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
   * @throws RunError: the job's failure, `node_lost` when the agent is gone, `user_cancel` after the signal.
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
