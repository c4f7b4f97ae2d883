import { rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import {
  LIVE_FRAME_LIMIT_BYTES,
  LIVE_QUEUE_FRAMES,
  LIVE_TOPIC,
  LiveFrame,
  type LiveMessage,
  loadZeroMq,
  parseJson,
  type Publisher,
  type Subscriber,
  type ZeroMq,
} from "../../sdk/client/live.js";

/** Time between two publications: no eye needs more. */
const PUBLISH_INTERVAL_MS = 50;

/** What an agent publishes: an engine's frame or a step, with the job and the frames that the agent has dropped. */
const AgentFrame = z.looseObject({
  type: z.string(),
  kind: z.string().optional(),
  job_id: z.string(),
  dropped: z.number(),
});

interface Followed {
  readonly socket: Subscriber;
  dropped: number;
  reading: Promise<void>;
}

/**
 * The live view of a run: the newest frame of each kind and stage, at most twenty times a second, from all
 * agents to whoever watches. Memory is bounded by the number of stages; what a newer frame replaces is counted.
 */
export class LiveView implements AsyncDisposable {
  /** Where watchers subscribe. */
  readonly endpoint: string;
  readonly #library: ZeroMq;
  readonly #publisher: Publisher;
  readonly #socketPath: string;
  readonly #stageOf: (jobId: string) => string | undefined;
  readonly #agents: Followed[] = [];
  readonly #waiting = new Map<string, LiveFrame>();
  #publishing = false;
  #number = 0;
  #replaced = 0;

  private constructor(
    library: ZeroMq,
    publisher: Publisher,
    socketPath: string,
    stageOf: (jobId: string) => string | undefined,
  ) {
    this.endpoint = `ipc://${socketPath}`;
    this.#library = library;
    this.#publisher = publisher;
    this.#socketPath = socketPath;
    this.#stageOf = stageOf;
  }

  /** Opens the view on a socket file; absent where ZeroMQ is. `stageOf` names the stage of a job. */
  static async open(socketPath: string, stageOf: (jobId: string) => string | undefined): Promise<LiveView | undefined> {
    const library = await loadZeroMq();
    if (library === undefined) return undefined;
    // A send that finds no room must drop, not wait.
    const publisher = new library.Publisher({ linger: 0, sendHighWaterMark: LIVE_QUEUE_FRAMES, sendTimeout: 0 });
    try {
      await publisher.bind(`ipc://${socketPath}`);
      return new LiveView(library, publisher, socketPath, stageOf);
    } catch {
      publisher.close();
      return undefined;
    }
  }

  /** Frames that no watcher saw, because a newer one came first or because an agent had to drop them. */
  get dropped(): number {
    return this.#agents.reduce((sum, agent) => sum + agent.dropped, this.#replaced);
  }

  /** Takes in what an agent publishes; an agent without a live view has an empty endpoint. */
  follow(agentEndpoint: string): void {
    if (agentEndpoint === "") return;
    const socket = new this.#library.Subscriber({
      linger: 0,
      receiveHighWaterMark: LIVE_QUEUE_FRAMES,
      maxMessageSize: LIVE_FRAME_LIMIT_BYTES,
    });
    socket.connect(agentEndpoint);
    socket.subscribe(LIVE_TOPIC);
    const agent: Followed = { socket, dropped: 0, reading: Promise.resolve() };
    agent.reading = this.#read(agent);
    this.#agents.push(agent);
  }

  async #read(agent: Followed): Promise<void> {
    for await (const [, body] of agent.socket) {
      const message = parseJson(body, AgentFrame);
      if (message === undefined) continue;
      const { type, job_id: jobId, dropped, ...fields } = message;
      agent.dropped = dropped;
      const kind = type === "live" ? fields.kind : type;
      const frame = LiveFrame.safeParse({ ...camelCase(fields), kind, stage: this.#stageOf(jobId) });
      if (frame.success) this.#show(frame.data);
    }
  }

  #show(frame: LiveFrame): void {
    const place = `${frame.kind} ${frame.stage}`;
    if (this.#waiting.delete(place)) this.#replaced += 1;
    this.#waiting.set(place, frame);
    if (!this.#publishing) void this.#publish();
  }

  async #publish(): Promise<void> {
    this.#publishing = true;
    while (this.#waiting.size > 0) {
      await sleep(PUBLISH_INTERVAL_MS, undefined, { ref: false });
      const frames = [...this.#waiting.values()];
      this.#waiting.clear();
      for (const frame of frames) await this.#send(frame);
    }
    this.#publishing = false;
  }

  async #send(frame: LiveFrame): Promise<void> {
    this.#number += 1;
    const message: LiveMessage = { number: this.#number, dropped: this.dropped, frame };
    try {
      await this.#publisher.send([LIVE_TOPIC, JSON.stringify(message)]);
    } catch {
      // Lost: watchers see a gap in the numbers.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const agent of this.#agents) agent.socket.close();
    await Promise.all(this.#agents.map((agent) => agent.reading));
    // What is being published finds a closed socket and is lost.
    this.#publisher.close();
    await rm(this.#socketPath, { force: true });
  }
}

function camelCase(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  );
}
