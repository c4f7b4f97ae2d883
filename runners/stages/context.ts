import type { RunEvent } from "../../sdk/run-folder/events.js";
import type { Resources } from "../../sdk/spec/resources.js";
import type { UserFunction } from "../../sdk/spec/user-function.js";
import type { RunStore } from "../store/run-store.js";
import type { JobEvent } from "../workers/job-event.js";
import type { JobOrder } from "../workers/jobs.js";
import type { Worker } from "../workers/worker.js";
import type { Inputs } from "./inputs.js";
import type { StageResult } from "./results.js";

/** What a running node may use. Whatever it opens it closes itself. */
export interface StageContext {
  readonly store: RunStore;
  readonly inputs: Inputs;
  /** Aborted when the run is cancelled. */
  readonly signal: AbortSignal;
  /** Key of this node: partial work is found again by it. */
  readonly key: string;
  /** What an earlier run got under this key, when a part of it failed. */
  readonly partial: StageResult | undefined;
  /** Folder for the logs of this node. */
  readonly logs: string;
  /** Folder for checkpoints and unfinished work under this key; gone when the node is finished. */
  readonly folder: string;
  /** Stores an event of this node before anyone sees it. */
  readonly emit: (event: RunEvent) => Promise<void>;
  /** The worker of this run, started on first use. */
  readonly worker: () => Promise<Worker>;
  /** So many workers, one a node; the first is {@link worker}. */
  readonly workers: (count: number) => Promise<readonly Worker[]>;
  /** A user's function out of the code captured with the run. */
  readonly userFunction: (reference: UserFunction) => Promise<UserCode>;
}

/**
 * A user's function as its place calls it: plain data goes in and, of a shape that the place checks, comes out.
 * Rejects with RunError user_code, which names the function and what the call was about.
 */
export type UserCode = (values: readonly unknown[], about?: { readonly item: string }) => Promise<unknown>;

/** The fields that every job of a node shares. */
export function jobEnvelope(
  node: string,
  resources: Resources,
  context: StageContext,
): Omit<JobOrder, "job" | "ranks"> {
  return {
    jobId: `${node}@${context.store.epoch}`,
    environment: resources.environment,
    threads: resources.threads,
    preemptionGraceMs: resources.preemptionGraceSeconds * 1_000,
    logPath: context.logs,
  };
}

/** The node that a job of {@link jobEnvelope} belongs to. */
export function stageOfJob(jobId: string): string {
  return jobId.slice(0, jobId.lastIndexOf("@"));
}

/** Stores what a worker tells about a job as events of its node. */
export function recordJob(stage: string, context: StageContext): (event: JobEvent) => Promise<void> {
  return async (event) => {
    switch (event.type) {
      case "phase":
      case "progress":
      case "rows_planned":
      case "step":
      case "gate":
      case "checkpoint":
      case "log":
        return await context.emit({ ...event, stage });
      case "ready":
        return await context.emit({ type: "engine_ready", stage, loadSeconds: event.loadSeconds });
      case "done":
      case "failed":
        return;
    }
  };
}
