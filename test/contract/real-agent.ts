// A worker agent as a runner starts it, and a way to it that can be cut. Everything here is real but the run's store.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomUUID } from "node:crypto";
import { launchLocal } from "../../runners/launch/local.js";
import { RunnerService } from "../../runners/service/runner-service.js";
import { RuntimeFolder } from "../../runners/service/runtime-folder.js";
import { Agent, type AgentAddress } from "../../runners/workers/agent.js";
import type { JobEvent } from "../../runners/workers/job-event.js";
import type { Job, JobOrder } from "../../runners/workers/jobs.js";
import { Worker } from "../../runners/workers/worker.js";

export const token = "a-token-for-tests";
export const never = new AbortController().signal;

/** A run folder, its service and its worker. */
export class RealAgent implements AsyncDisposable {
  readonly cookie = randomUUID();
  readonly runDir: string;
  readonly runtime: RuntimeFolder;
  readonly service: RunnerService;
  readonly epoch: number;
  #worker: Worker | undefined;
  readonly #others: Worker[] = [];

  private constructor(runDir: string, runtime: RuntimeFolder, service: RunnerService, epoch: number) {
    this.runDir = runDir;
    this.runtime = runtime;
    this.service = service;
    this.epoch = epoch;
  }

  /** Opens the service of an epoch of a run; a new run unless one is given. */
  static async prepare(epoch = 1, runDir?: string): Promise<RealAgent> {
    const folder = runDir ?? (await mkdtemp(join(tmpdir(), "longform-contract-")));
    const runtime = await RuntimeFolder.open(folder);
    const service = await RunnerService.start({
      socketPath: runtime.file("runner.sock"),
      token,
      run: {
        runId: "contract",
        epoch,
        lastSeq: () => 0,
        async *tail() {},
        cancel: async () => true,
        liveEndpoint: () => "",
      },
    });
    return new RealAgent(folder, runtime, service, epoch);
  }

  static async start(): Promise<RealAgent> {
    const agent = await RealAgent.prepare();
    try {
      await agent.launch();
      return agent;
    } catch (error) {
      await agent[Symbol.asyncDispose]();
      throw error;
    }
  }

  get worker(): Worker {
    if (this.#worker === undefined) throw new Error("not launched");
    return this.#worker;
  }

  async launch(signal = never, orphanGraceMs = 15_000): Promise<Worker> {
    this.#worker = await this.#launch("agent-0", this.cookie, signal, orphanGraceMs);
    return this.#worker;
  }

  /** One more agent of the run, as on another node. */
  async launchAnother(): Promise<Worker> {
    const agentId = `agent-${this.#others.length + 1}`;
    const worker = await this.#launch(agentId, `${this.cookie}-${agentId}`, never, 15_000);
    this.#others.push(worker);
    return worker;
  }

  async #launch(agentId: string, cookie: string, signal: AbortSignal, orphanGraceMs: number): Promise<Worker> {
    const { runDir, runtime, service, epoch } = this;
    return await launchLocal({
      agentId,
      runDir,
      runtime,
      service,
      cookie,
      epoch,
      token,
      runnerVersion: "0.1.0",
      orphanGraceMs,
      environments: ["train"],
      signal,
    });
  }

  /** The same agent by another way, with the times of its heartbeat. */
  async reach(
    times: Partial<AgentAddress> = {},
  ): Promise<{ readonly worker: Worker; readonly way: Way } & AsyncDisposable> {
    const { address } = await this.service.registered("agent-0", never);
    const way = await Way.open(
      this.runtime.file(`way-${randomUUID().slice(0, 8)}.sock`),
      address.slice("unix:".length),
    );
    const agent = await Agent.connect(
      { address: way.address, token, epoch: this.epoch, runnerVersion: "0.1.0", ...times },
      never,
    );
    const worker = new Worker("agent-0", agent, async () => {});
    return {
      worker,
      way,
      async [Symbol.asyncDispose]() {
        await worker[Symbol.asyncDispose]();
        way.close();
      },
    };
  }

  /** A job with what all jobs here share. */
  order(jobId: string, job: Job): JobOrder {
    const logPath = join(this.runDir, "stages", jobId, "logs");
    return { jobId, environment: "train", threads: 1, preemptionGraceMs: 120_000, logPath, job };
  }

  /** A job of the scripted engine. */
  async scripted(jobId: string, script: object): Promise<JobOrder> {
    const modelPath = join(this.runDir, `${jobId}.json`);
    await writeFile(modelPath, JSON.stringify(script));
    return this.order(jobId, {
      kind: "generation",
      engine: "scripted",
      modelPath,
      blobRoot: this.runDir,
      visionPolicy,
      promptLayout: "imagesFirst",
      precision: "float32",
      maxBatchSequences: 8,
      maxTokens: 10_000,
    });
  }

  /** A job that imports that many drawings. */
  async importing(jobId: string, rows: number): Promise<JobOrder> {
    const sourceRowsPath = join(this.runDir, `${jobId}-source.jsonl`);
    await writeFile(
      sourceRowsPath,
      Array.from({ length: rows }, (_, index) => `${JSON.stringify(drawnRow(index))}\n`).join(""),
    );
    const rowsPath = join(this.runDir, `${jobId}-rows.jsonl`);
    return this.order(jobId, {
      kind: "import",
      sourceRowsPath,
      rowsPath,
      imageRoot: "",
      blobRoot: join(this.runDir, "blobs"),
      visionPolicy,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const worker of [this.#worker, ...this.#others]) await worker?.[Symbol.asyncDispose]();
    await this.service.close();
    await this.runtime[Symbol.asyncDispose]();
    await rm(this.runDir, { recursive: true, force: true });
  }
}

export const visionPolicy = {
  resize: "keepAspect",
  minPixels: 3_136,
  maxPixels: 12_544,
  gridMultiple: 28,
  background: "#ffffff",
  maxImages: 4,
} as const;

/** A request without images. */
export function textRequest(requestId: string, seed = 1) {
  return {
    requestId,
    prompt: `Describe ${requestId}.`,
    images: [],
    sampling: { temperature: 0, topP: 1, topK: 0, maxTokens: 5_000, minTokens: 0, seed },
  };
}

function drawnRow(index: number) {
  const box = [8, 8, 40 + (index % 60), 60];
  const shapes = [{ kind: "rectangle", box, fill: "#cc2222", outline: null, outlineWidth: 0 }];
  const images = [{ drawing: { width: 112, height: 112, background: "#f4f1e8", shapes } }];
  return { id: `row-${index}`, language: "en", prompt: "What is it?", target: "A box.", images };
}

/** What stays equal from one attempt at a job to the next. */
export function comparable(event: JobEvent): JobEvent {
  if (event.type === "phase") return { ...event, pid: 0 };
  if (event.type === "ready") return { ...event, loadSeconds: 0 };
  return event;
}

/** A socket in front of another one; `cut` breaks every connection that goes through it. */
export class Way {
  readonly address: string;
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  #target: string;
  /** Connections that were cut. */
  cuts = 0;

  private constructor(server: Server, path: string, target: string) {
    this.#server = server;
    this.address = `unix:${path}`;
    this.#target = target;
    server.on("connection", (near) => this.#join(near));
  }

  static async open(path: string, target: string): Promise<Way> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    return new Way(server, path, target);
  }

  #join(near: Socket): void {
    const far = connect(this.#target);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#open.add(from);
      from.on("data", (bytes) => to.write(bytes));
      from.on("error", () => to.destroy());
      from.on("close", () => {
        this.#open.delete(from);
        to.destroy();
      });
    }
  }

  cut(): void {
    this.cuts += this.#open.size / 2;
    for (const socket of this.#open) socket.destroy();
  }

  /** Breaks every connection and leads nowhere from now on. */
  block(): void {
    this.#target = "/nowhere";
    this.cut();
  }

  close(): void {
    this.cut();
    this.#server.close();
  }
}
