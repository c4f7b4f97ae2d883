import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type JsonValue, toJson } from "../../sdk/experiment/canonical-json.js";
import { RunError } from "../../sdk/failure/failure.js";
import type { ImportNode } from "../../sdk/plan/stages.js";
import type { BlobReader } from "../../sdk/run-folder/blob-reader.js";
import { Resources } from "../../sdk/spec/resources.js";
import { jobEnvelope, recordJob, type StageContext } from "./context.js";
import type { Inputs } from "./inputs.js";
import type { RowsResult } from "./results.js";
import { datasetKey, readSourceRows, rowsSource, rowsText, sourceName } from "./source-rows.js";

export const version = 1;

/** An import needs an interpreter and no more: it is the same wherever it runs. */
export const resources = Resources.parse({});

export async function parts(node: ImportNode, inputs: Inputs, blobs: BlobReader): Promise<JsonValue> {
  const source = rowsSource(node, { inputs, blobs });
  return { dataset: await datasetKey(source), rows: node.rows, visionPolicy: toJson(node.visionPolicy) };
}

/** Checks every row, then lets the worker bring every image to its final pixels. */
export async function run(node: ImportNode, context: StageContext): Promise<RowsResult> {
  const { blobs } = context.store;
  const from = rowsSource(node, { inputs: context.inputs, blobs });
  const source = await readSourceRows(from, node.rows, context);
  await mkdir(context.folder, { recursive: true });
  const sourceRowsPath = join(context.folder, "source-rows.jsonl");
  const rowsPath = join(context.folder, "rows.jsonl");
  await writeFile(sourceRowsPath, rowsText(source.rows));
  const worker = await context.worker();
  const importing = worker.runJob(
    {
      ...jobEnvelope(node.id, resources, context),
      job: {
        kind: "import",
        sourceRowsPath,
        rowsPath,
        imageRoot: source.imageRoot,
        blobRoot: blobs.root,
        visionPolicy: node.visionPolicy,
      },
    },
    recordJob(node.id, context),
    context.signal,
  );
  const done = await importing.catch((error: unknown) => {
    throw namingSource(error, sourceRowsPath, sourceName(from));
  });
  if (done.kind !== "imported")
    throw new RunError({ code: "internal", detail: `an import ended with the result of ${done.kind}` });
  return { kind: "rows", file: await blobs.putFile(rowsPath), rows: done.rows, images: done.images };
}

/** The worker has read a copy: what it refuses is in the user's own file, or made by the user's function. */
function namingSource(error: unknown, copy: string, source: string): unknown {
  if (!(error instanceof RunError) || error.failure.facts["file"] !== copy) return error;
  const { failure } = error;
  const facts = { ...failure.facts, file: source };
  return new RunError({ ...failure, detail: failure.detail?.replaceAll(copy, source), facts }, { cause: error });
}
