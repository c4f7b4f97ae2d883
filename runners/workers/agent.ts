import { setTimeout as sleep } from "node:timers/promises";
import { WireClient } from "../../sdk/client/grpc.js";
import { HEARTBEAT_INTERVAL_MS, NODE_LOST_AFTER_MS } from "../../sdk/client/limits.js";
import { RunError } from "../../sdk/failure/failure.js";
import { type HandshakeReply, handshake } from "./messages.js";
import { mayPass, persist, refusal } from "./watch.js";

/** How to reach an agent. */
export interface AgentAddress {
  readonly address: string;
  readonly token: string;
  readonly epoch: number;
  readonly runnerVersion: string;
  /** Aborted, with the failure, when the agent's process is known to be gone. */
  readonly processGone?: AbortSignal;
  readonly heartbeatIntervalMs?: number;
  readonly nodeLostAfterMs?: number;
}

/**
 * A worker agent as its runner sees it. Handshakes are its heartbeat: they keep the agent from taking
 * itself for an orphan, and `gone` is aborted, with the failure, when none was answered for
 * `nodeLostAfterMs` on this process's monotonic clock or when its process has ended.
 */
export class Agent implements AsyncDisposable {
  readonly client: WireClient;
  readonly epoch: number;
  readonly handshake: HandshakeReply;
  readonly gone: AbortSignal;
  readonly #lost = new AbortController();
  readonly #closed = new AbortController();
  readonly #beating: Promise<void>;

  private constructor(client: WireClient, to: AgentAddress, reply: HandshakeReply) {
    this.client = client;
    this.epoch = to.epoch;
    this.handshake = reply;
    this.gone = to.processGone === undefined ? this.#lost.signal : AbortSignal.any([this.#lost.signal, to.processGone]);
    this.#beating = this.#beat(to);
  }

  /** Shakes hands; waits for an agent that does not answer yet until the signal is given. */
  static async connect(to: AgentAddress, signal: AbortSignal): Promise<Agent> {
    const client = await WireClient.open(to);
    try {
      const stop = to.processGone === undefined ? signal : AbortSignal.any([signal, to.processGone]);
      const reply = await persist(
        () => client.unary(handshake, { runnerVersion: to.runnerVersion }, { signal: stop }),
        stop,
      );
      return new Agent(client, to, reply);
    } catch (error) {
      await client[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #beat({
    runnerVersion,
    heartbeatIntervalMs = HEARTBEAT_INTERVAL_MS,
    nodeLostAfterMs = NODE_LOST_AFTER_MS,
  }: AgentAddress): Promise<void> {
    const stop = AbortSignal.any([this.#closed.signal, this.gone]);
    let silentSince: number | undefined;
    while (!stop.aborted) {
      try {
        // A timer of a heartbeat alone must not keep a process alive.
        await sleep(heartbeatIntervalMs, undefined, { signal: stop, ref: false });
        const asked = performance.now();
        silentSince ??= asked;
        await this.client.unary(handshake, { runnerVersion }, { signal: stop, deadlineMs: nodeLostAfterMs });
        silentSince = undefined;
      } catch (error) {
        if (stop.aborted) return;
        if (!mayPass(error)) return this.#lost.abort(refusal(error));
        const silentMs = Math.round(performance.now() - (silentSince ?? performance.now()));
        if (silentMs >= nodeLostAfterMs)
          this.#lost.abort(nodeLost({ pid: this.handshake.pid, host: this.handshake.host, silentMs }));
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
    await this.#beating;
    await this.client[Symbol.asyncDispose]();
  }
}

/** The failure of an agent that no longer answers or whose process has ended. */
export function nodeLost(facts: Readonly<Record<string, string | number>>, detail?: string): RunError {
  return new RunError({ code: "node_lost", facts, detail });
}
