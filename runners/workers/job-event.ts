import { RunError } from "../../sdk/failure/failure.js";
import type { Failure } from "../../sdk/failure/failure.js";
import type { JobDone, JobOrder } from "./jobs.js";
import type { StartJobRequest, WireJobEvent } from "./messages.js";

type Part<Field extends keyof WireJobEvent> = NonNullable<WireJobEvent[Field]>;

/** What happened to a job: one literal tag each. `done` and `failed` are the last one of a job. */
export type JobEvent =
  | ({ readonly type: "phase" } & Part<"phase">)
  | ({ readonly type: "progress" } & Part<"progress">)
  | ({ readonly type: "rows_planned" } & Part<"rowsPlanned">)
  | ({ readonly type: "step" } & Part<"step">)
  | ({ readonly type: "gate" } & Part<"gate">)
  | ({ readonly type: "checkpoint" } & Part<"checkpoint">)
  | ({ readonly type: "ready" } & Part<"ready">)
  | ({ readonly type: "log" } & Part<"log">)
  | JobEnd;

/** How a job ended. */
export type JobEnd =
  | { readonly type: "done"; readonly done: JobDone }
  | { readonly type: "failed"; readonly failure: Failure };

/** The event in a message; the codec has made sure that exactly one is set. */
export function jobEvent(message: WireJobEvent): JobEvent {
  if (message.phase !== undefined) return { type: "phase", ...message.phase };
  if (message.progress !== undefined) return { type: "progress", ...message.progress };
  if (message.rowsPlanned !== undefined) return { type: "rows_planned", ...message.rowsPlanned };
  if (message.step !== undefined) return { type: "step", ...message.step };
  if (message.gate !== undefined) return { type: "gate", ...message.gate };
  if (message.checkpoint !== undefined) return { type: "checkpoint", ...message.checkpoint };
  if (message.ready !== undefined) return { type: "ready", ...message.ready };
  if (message.log !== undefined) return { type: "log", ...message.log };
  if (message.done !== undefined) return { type: "done", done: jobDone(message.done) };
  if (message.failed !== undefined) return { type: "failed", failure: message.failed };
  throw new RunError({ code: "internal", detail: `event ${message.seq} of ${message.jobId} is of no kind` });
}

function jobDone(message: Part<"done">): JobDone {
  if (message.imported !== undefined) return { kind: "imported", ...message.imported };
  if (message.made !== undefined) return { kind: "made", ...message.made };
  if (message.trained !== undefined) return { kind: "trained", ...message.trained };
  if (message.generated !== undefined) return { kind: "generated", ...message.generated };
  if (message.audited !== undefined) return { kind: "audited", ...message.audited };
  if (message.read !== undefined) return { kind: "read", ...message.read };
  if (message.fetched !== undefined) return { kind: "fetched", ...message.fetched };
  throw new RunError({ code: "internal", detail: "a job ended with a result of no kind" });
}

/** The message that starts a job. */
export function startRequest({ job, ranks, ...order }: JobOrder): StartJobRequest {
  const envelope = { ...order, ...(ranks === undefined ? {} : { ranks }) };
  switch (job.kind) {
    case "import": {
      const { kind: _, ...fields } = job;
      return { ...envelope, import: fields };
    }
    case "model": {
      const { kind: _, ...fields } = job;
      return { ...envelope, model: fields };
    }
    case "training": {
      const { kind: _, ...fields } = job;
      return { ...envelope, training: fields };
    }
    case "generation": {
      const { kind: _, ...fields } = job;
      return { ...envelope, generation: fields };
    }
    case "audit": {
      const { kind: _, ...fields } = job;
      return { ...envelope, audit: fields };
    }
    case "read": {
      const { kind: _, ...fields } = job;
      return { ...envelope, read: fields };
    }
    case "fetch": {
      const { kind: _, ...fields } = job;
      return { ...envelope, fetch: fields };
    }
  }
}
