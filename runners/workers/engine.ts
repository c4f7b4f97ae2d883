import { RunError } from "../../sdk/failure/failure.js";
import type { Agent } from "./agent.js";
import { followJob } from "./follow-job.js";
import { GenerateStream, type TextRequest } from "./generate-stream.js";
import type { JobEnd, JobEvent } from "./job-event.js";
import type { JobOrder } from "./jobs.js";
import type { GenerateFinished, TextDelta } from "./messages.js";

/** How a text ended, and the text. */
export type Finished = GenerateFinished;

/** A generation engine that accepts requests. Its death rejects everything in flight with the failure of its job. */
export class Engine implements AsyncDisposable {
  readonly #stream: GenerateStream;
  readonly #served: Promise<void>;
  readonly #ended: Promise<JobEnd>;
  readonly #given: AbortController;

  private constructor(agent: Agent, jobId: string, ended: Promise<JobEnd>, given: AbortController) {
    this.#ended = ended;
    this.#given = given;
    const over = new AbortController();
    ended.then(
      (end) => over.abort(endedError(end)),
      (error: unknown) => over.abort(error),
    );
    this.#stream = new GenerateStream(agent, jobId);
    this.#served = this.#stream.serve(over.signal);
  }

  /** Starts the job and waits until its engine is ready. The signal ends the job at any time. */
  static async open(
    agent: Agent,
    order: JobOrder,
    onEvent: (event: JobEvent) => Promise<void> | void,
    signal: AbortSignal,
  ): Promise<Engine> {
    const given = new AbortController();
    const stop = AbortSignal.any([signal, given.signal]);
    return await new Promise<Engine>((resolve, reject) => {
      const ended: Promise<JobEnd> = followJob(
        agent,
        order,
        async (event) => {
          await onEvent(event);
          if (event.type === "ready") resolve(new Engine(agent, order.jobId, ended, given));
        },
        stop,
      );
      ended.then((end) => reject(endedError(end)), reject);
    });
  }

  /**
   * Writes one text. Deltas are a preview. After the signal the text so far comes back with `finish: "abort"`.
   *
   * @throws RunError of the engine's job when it ends before the text.
   */
  async generate(request: TextRequest, onDelta?: (delta: TextDelta) => void, signal?: AbortSignal): Promise<Finished> {
    return await this.#stream.request(request, onDelta, signal);
  }

  /** Lets the engine finish what is in flight and ends it. @throws RunError when it ended badly. */
  async close(): Promise<void> {
    this.#stream.end();
    const end = await this.#ended;
    await this.#served;
    if (end.type === "failed") throw new RunError(end.failure);
  }

  /** Ends the engine and waits until it is gone; what is in flight is rejected. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#given.abort();
    await this.#ended.catch(() => undefined);
    await this.#served;
  }
}

function endedError(end: JobEnd): RunError {
  if (end.type === "failed") return new RunError(end.failure);
  return new RunError({ code: "internal", detail: "the engine ended before its requests" });
}
