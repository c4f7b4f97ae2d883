import { type Duplex, RpcError } from "../../sdk/client/grpc.js";
import { RunError } from "../../sdk/failure/failure.js";
import type { Agent } from "./agent.js";
import {
  type GenerateFinished,
  type GenerateReply,
  type GenerateRequest,
  generate,
  type TextDelta,
} from "./messages.js";
import { persist } from "./watch.js";

/** One text to write. */
export type TextRequest = Omit<GenerateRequest, "jobId" | "cancel">;

interface InFlight {
  readonly request: GenerateRequest;
  readonly onDelta: ((delta: TextDelta) => void) | undefined;
  readonly resolve: (finished: GenerateFinished) => void;
  readonly reject: (error: unknown) => void;
  cancelled: boolean;
}

/** Many requests in flight over one stream to an engine; what has no answer is sent again over the next stream. */
export class GenerateStream {
  readonly #agent: Agent;
  readonly #jobId: string;
  readonly #inFlight = new Map<string, InFlight>();
  #sender: Sender | undefined;
  #ending = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(agent: Agent, jobId: string) {
    this.#agent = agent;
    this.#jobId = jobId;
  }

  /** Number of requests without an answer. */
  get size(): number {
    return this.#inFlight.size;
  }

  /** Sends one request and waits for its end. */
  async request(
    text: TextRequest,
    onDelta: ((delta: TextDelta) => void) | undefined,
    signal: AbortSignal | undefined,
  ): Promise<GenerateFinished> {
    if (this.#failure !== undefined) throw this.#failure.error;
    const request = { ...text, jobId: this.#jobId, cancel: false };
    const { requestId } = request;
    if (this.#ending || this.#inFlight.has(requestId))
      throw new RunError({ code: "internal", detail: `request ${requestId} came twice or after the end` });
    const abort = () => this.#cancel(requestId);
    try {
      return await new Promise<GenerateFinished>((resolve, reject) => {
        this.#inFlight.set(requestId, { request, onDelta, resolve, reject, cancelled: false });
        this.#sender?.send(request);
        if (signal?.aborted) abort();
        else signal?.addEventListener("abort", abort, { once: true });
      });
    } finally {
      signal?.removeEventListener("abort", abort);
      this.#inFlight.delete(requestId);
    }
  }

  #cancel(requestId: string): void {
    const entry = this.#inFlight.get(requestId);
    if (entry === undefined) return;
    entry.cancelled = true;
    this.#sender?.send({ ...entry.request, cancel: true });
  }

  /** Says that no request will follow; the engine ends after its last answer. */
  end(): void {
    this.#ending = true;
    this.#sender?.end();
  }

  /** Keeps a stream open until `end` or until the signal is given; then nothing is in flight any more. */
  async serve(signal: AbortSignal): Promise<void> {
    try {
      await persist((received) => this.#serveOnce(received, signal), signal);
    } catch (error) {
      this.#failure = { error };
      for (const { reject } of this.#inFlight.values()) reject(error);
    } finally {
      this.#sender = undefined;
    }
  }

  async #serveOnce(received: () => void, signal: AbortSignal): Promise<void> {
    const call = this.#agent.client.duplex(generate, signal);
    const sender = new Sender(this.#jobId, call, (requestId, error) => this.#inFlight.get(requestId)?.reject(error));
    this.#sender = sender;
    for (const { request, cancelled } of this.#inFlight.values()) {
      sender.send(request);
      if (cancelled) sender.send({ ...request, cancel: true });
    }
    if (this.#ending) sender.end();
    for await (const reply of call.replies) {
      received();
      this.#take(reply);
    }
    if (!this.#ending || this.#inFlight.size > 0)
      throw new RpcError(generate.name, "UNAVAILABLE", "the stream ended before its requests");
  }

  #take({ requestId, delta, finished }: GenerateReply): void {
    // Unknown: answered before the stream broke, and once more after it was sent again.
    const entry = this.#inFlight.get(requestId);
    if (entry === undefined) return;
    if (delta !== undefined) entry.onDelta?.(delta);
    if (finished !== undefined) entry.resolve(finished);
  }
}

/** Writes requests to one call in order, no faster than the other side takes them. */
class Sender {
  readonly #jobId: string;
  readonly #call: Duplex<GenerateRequest, GenerateReply>;
  readonly #refuse: (requestId: string, error: unknown) => void;
  readonly #queue: GenerateRequest[] = [];
  #sending = false;
  #ending = false;
  #named = false;

  constructor(
    jobId: string,
    call: Duplex<GenerateRequest, GenerateReply>,
    refuse: (requestId: string, error: unknown) => void,
  ) {
    this.#jobId = jobId;
    this.#call = call;
    this.#refuse = refuse;
  }

  send(request: GenerateRequest): void {
    this.#named = true;
    this.#queue.push(request);
    if (!this.#sending) void this.#drain();
  }

  end(): void {
    this.#ending = true;
    // A stream belongs to the job of its first request: without one, its end would close no engine.
    if (!this.#named) this.#queue.push(namingRequest(this.#jobId));
    if (!this.#sending) void this.#drain();
  }

  async #drain(): Promise<void> {
    this.#sending = true;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      try {
        await this.#call.write(next);
      } catch (error) {
        // A broken stream keeps `sending` set: the next stream's sender begins anew.
        if (!(error instanceof RunError)) return;
        this.#refuse(next.requestId, error);
      }
    }
    this.#sending = false;
    if (this.#ending) this.#call.end();
  }
}

/** Asks for nothing: cancels a request that never was. */
function namingRequest(jobId: string): GenerateRequest {
  const sampling = { temperature: 0, topP: 1, topK: 0, maxTokens: 1, minTokens: 0, seed: 0 };
  return { jobId, requestId: "end", prompt: "", images: [], sampling, cancel: true };
}
