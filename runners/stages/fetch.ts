import type { JsonValue } from "../../sdk/experiment/canonical-json.js";
import { toJson } from "../../sdk/experiment/canonical-json.js";
import { RunError } from "../../sdk/failure/failure.js";
import type { FetchNode } from "../../sdk/plan/stages.js";
import { jobEnvelope, recordJob, type StageContext } from "./context.js";
import { resources } from "./import-rows.js";
import type { FetchResult } from "./results.js";

export const version = 1;

/** A full commit: the one revision that always stands for the same files. */
const COMMIT = /^[0-9a-f]{40}$/;

export function parts(node: FetchNode): JsonValue {
  return { source: toJson(node.source), holds: node.holds };
}

/** Whether what was fetched once need not be asked for again. */
export function lasts(node: FetchNode): boolean {
  return COMMIT.test(node.source.revision);
}

/** Brings files of a hub into the local cache; what is there already is not fetched again. */
export async function run(node: FetchNode, context: StageContext): Promise<FetchResult> {
  const { repository, revision, tokenVariable = "" } = node.source;
  const worker = await context.worker();
  const done = await worker.runJob(
    {
      ...jobEnvelope(node.id, resources, context),
      job: { kind: "fetch", repository, revision, holds: node.holds, tokenVariable },
    },
    recordJob(node.id, context),
    context.signal,
  );
  if (done.kind !== "fetched")
    throw new RunError({ code: "internal", detail: `a fetch ended with the result of ${done.kind}` });
  return { kind: "fetch", path: done.path, repository, commit: done.commit };
}
