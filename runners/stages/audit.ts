import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type JsonValue, toJson } from "../../sdk/experiment/canonical-json.js";
import { describeDataset } from "../../sdk/experiment/describe-spec.js";
import { RunError } from "../../sdk/failure/failure.js";
import type { AuditNode } from "../../sdk/plan/stages.js";
import type { BlobReader } from "../../sdk/run-folder/blob-reader.js";
import { readReport } from "./audit-report.js";
import { jobEnvelope, recordJob, type StageContext } from "./context.js";
import { resources } from "./import-rows.js";
import type { Inputs } from "./inputs.js";
import type { AuditResult } from "./results.js";

export const version = 2;

export async function parts(node: AuditNode, inputs: Inputs): Promise<JsonValue> {
  const { visionPolicy, promptLayout, maxTokens, tooLong } = node.spec;
  return {
    // Weights do not count rows, but tokenizer, template and processor lie beside them and are hashed with them.
    model: await inputs.weightsKey(node.weights),
    rows: inputs.rows(node.rows).file.sha256,
    settings: toJson({ visionPolicy, promptLayout, maxTokens, tooLong }),
  };
}

/** Every row counted by the model's own processor: which ones can be trained on, and why not the others. */
export async function run(node: AuditNode, context: StageContext): Promise<AuditResult> {
  const { inputs, store } = context;
  const { visionPolicy, promptLayout, maxTokens, tooLong } = node.spec;
  const keptRowsPath = join(context.folder, "rows.jsonl");
  const reportPath = join(context.folder, "audit.jsonl");
  await mkdir(context.folder, { recursive: true });
  const worker = await context.worker();
  const done = await worker.runJob(
    {
      ...jobEnvelope(node.id, resources, context),
      job: {
        kind: "audit",
        modelPath: inputs.weightsPath(node.weights, store.blobs),
        rowsPath: store.blobs.path(inputs.rows(node.rows).file),
        keptRowsPath,
        reportPath,
        visionPolicy,
        promptLayout,
        maxTokens,
        tooLong,
      },
    },
    recordJob(node.id, context),
    context.signal,
  );
  if (done.kind !== "audited")
    throw new RunError({ code: "internal", detail: `an audit ended with the result of ${done.kind}` });
  const { kind: _, ...counts } = done;
  return {
    kind: "audit",
    ...counts,
    file: await store.blobs.putFile(keptRowsPath),
    report: await store.blobs.putFile(reportPath),
  };
}

const NAMED_ROWS = 10;

/**
 * Ends a run before its training when rows cannot be trained on.
 *
 * @throws RunError data_refused naming the first rows with their reasons, and how many there are.
 */
export async function refuseRows(
  { spec }: Pick<AuditNode, "spec">,
  { refused, report }: AuditResult,
  blobs: BlobReader,
): Promise<void> {
  if (refused === 0) return;
  const lines = await readReport(report, blobs);
  const bad = lines.filter(({ action }) => action === "refused");
  const named = bad.slice(0, NAMED_ROWS);
  throw new RunError({
    code: "data_refused",
    detail: `${named.length < refused ? "the first of them" : "these"}:\n${named.map(({ id, why }) => `${id}: ${why}`).join("\n")}`,
    facts: {
      rows: named.map(({ id }) => id).join(", "),
      found: `${refused} of ${lines.length} rows that cannot be trained on`,
      expected: "rows within maxTokens, without special tokens, with images as the vision policy makes them",
      file: describeDataset(spec.dataset),
      hint: `\`longform audit\` names all of them; ${blobs.path(report)} has a line about every row.`,
    },
  });
}
