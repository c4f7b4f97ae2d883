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

/** The workers of a run, one a node, each started when a stage first needs it: a run that is all in the cache starts none. */
export class RunWorker {
  readonly #means: Means;
  #service: RunnerService | undefined;
  readonly #workers: Promise<Worker>[] = [];

  constructor(means: Means) {
    this.#means = means;
  }

  /** Tells where agents report for work. */
  serve(service: RunnerService): void {
    this.#service = service;
  }

  /** The first so many workers; those that are not there yet are started. */
  async get(count: number): Promise<readonly Worker[]> {
    while (this.#workers.length < count) this.#workers.push(this.#start(`agent-${this.#workers.length}`));
    const wanted = this.#workers.slice(0, count);
    // All of them: one that still starts while another one has failed must not go unheard.
    await Promise.allSettled(wanted);
    return await Promise.all(wanted);
  }

  /** The first worker: for everything that one node does alone. */
  async first(): Promise<Worker> {
    this.#workers[0] ??= this.#start("agent-0");
    return await this.#workers[0];
  }

  /** Ends the workers and everything they have started. */
  async close(): Promise<void> {
    const started = await Promise.allSettled(this.#workers);
    await Promise.all(
      started.map(async (one) => one.status === "fulfilled" && (await one.value[Symbol.asyncDispose]())),
    );
  }

  async #start(agentId: string): Promise<Worker> {
    const { store, runtime, live, token, signal } = this.#means;
    if (this.#service === undefined)
      throw new RunError({ code: "internal", detail: "a worker was asked for before the service was open" });
    const worker = await launchLocal({
      agentId,
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
    // Of a job on several nodes only the first one speaks.
    if (agentId === "agent-0") live?.follow(liveEndpoint);
    await store.append({
      type: "agent_started",
      agent: agentId,
      pid,
      host,
      versions: { ...environments[0]?.versions },
    });
    return worker;
  }
}
