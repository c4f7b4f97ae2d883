import { randomUUID } from "node:crypto";
import { RunError } from "../sdk/failure/failure.js";
import { launchLocal } from "./launch/local.js";
import type { LiveView } from "./live/live-view.js";
import { packageVersion } from "./package-version.js";
import type { RunnerService } from "./service/runner-service.js";
import type { RuntimeFolder } from "./service/runtime-folder.js";
import type { RunStore } from "./store/run-store.js";
import type { Worker } from "./workers/worker.js";

/** Time after which an agent that hears nothing of its runner ends itself and its engines. */
const ORPHAN_GRACE_MS = 15_000;

interface Means {
  readonly store: RunStore;
  readonly runtime: RuntimeFolder;
  /** Absent where ZeroMQ is. */
  readonly live: LiveView | undefined;
  readonly token: string;
  readonly signal: AbortSignal;
}

/** The worker of a run, started when a stage first needs it: a run that is all in the cache starts none. */
export class RunWorker {
  readonly #means: Means;
  #service: RunnerService | undefined;
  #worker: Promise<Worker> | undefined;

  constructor(means: Means) {
    this.#means = means;
  }

  /** Tells where agents report for work. */
  serve(service: RunnerService): void {
    this.#service = service;
  }

  /** The worker, started on the first call. */
  async get(): Promise<Worker> {
    this.#worker ??= this.#start();
    return await this.#worker;
  }

  /** Ends the worker and everything it has started. */
  async close(): Promise<void> {
    const worker = await this.#worker?.catch(() => undefined);
    await worker?.[Symbol.asyncDispose]();
  }

  async #start(): Promise<Worker> {
    const { store, runtime, live, token, signal } = this.#means;
    if (this.#service === undefined)
      throw new RunError({ code: "internal", detail: "a worker was asked for before the service was open" });
    const worker = await launchLocal({
      runDir: store.runDir,
      runtime,
      service: this.#service,
      cookie: randomUUID(),
      epoch: store.epoch,
      token,
      runnerVersion: packageVersion,
      orphanGraceMs: ORPHAN_GRACE_MS,
      environments: ["train"],
      signal,
    });
    const { host, pid, environments, liveEndpoint } = worker.handshake;
    live?.follow(liveEndpoint);
    await store.append({
      type: "agent_started",
      agent: "agent-0",
      pid,
      host,
      versions: { ...environments[0]?.versions },
    });
    return worker;
  }
}
