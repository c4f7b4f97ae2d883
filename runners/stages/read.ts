import { mkdir, readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { JsonValue } from "../../sdk/experiment/canonical-json.js";
import { RunError } from "../../sdk/failure/failure.js";
import type { ReadNode } from "../../sdk/plan/stages.js";
import { fileHash } from "../../sdk/run-folder/blob-reader.js";
import type { Job } from "../workers/jobs.js";
import { jobEnvelope, recordJob, type StageContext } from "./context.js";
import { resources } from "./import-rows.js";
import type { Inputs } from "./inputs.js";
import type { ReadResult } from "./results.js";

export const version = 2;

type Place = Pick<Extract<Job, { kind: "read" }>, "path" | "format" | "name" | "imageRoot">;

export async function parts(node: ReadNode, inputs: Inputs): Promise<JsonValue> {
  const { path, format, name, imageRoot } = placeOf(node, inputs);
  const files: Record<string, string> = {};
  for (const file of await dataFiles(path)) files[file.slice(dirname(path).length)] = (await fileHash(file)).sha256;
  // The place counts, too: images that are files are found beside the rows, and may differ beside a copy of them.
  return { format, name, imageRoot, path, files, limit: node.dataset.limit ?? 0 };
}

/** Rows of our own form out of a dataset that others have made. */
export async function run(node: ReadNode, context: StageContext): Promise<ReadResult> {
  const { blobs } = context.store;
  const rowsPath = join(context.folder, "rows.jsonl");
  const imagesPath = join(context.folder, "images");
  await mkdir(imagesPath, { recursive: true });
  const worker = await context.worker();
  const done = await worker.runJob(
    {
      ...jobEnvelope(node.id, resources, context),
      job: {
        kind: "read",
        ...placeOf(node, context.inputs),
        rowsPath,
        imagesPath,
        limit: node.dataset.limit ?? 0,
      },
    },
    recordJob(node.id, context),
    context.signal,
  );
  if (done.kind !== "read")
    throw new RunError({ code: "internal", detail: `reading a dataset ended with the result of ${done.kind}` });
  const { rows, found, imageRoot } = done;
  await context.emit({ type: "note", stage: node.id, text: found });
  const own = imageRoot === imagesPath;
  return {
    kind: "read",
    file: await blobs.putFile(rowsPath),
    rows,
    found,
    imageRoot: own ? "" : imageRoot,
    ...(own ? { images: await blobs.putTree(imagesPath) } : {}),
  };
}

function placeOf({ dataset, fetched }: ReadNode, inputs: Inputs): Place {
  switch (dataset.kind) {
    case "shareGpt":
      return { path: dataset.path, format: "sharegpt", name: dataset.name, imageRoot: dataset.mediaFolder ?? "" };
    case "messages":
      return { path: dataset.path, format: "messages", name: "", imageRoot: "" };
    case "parquet":
      return { path: dataset.path, format: "parquet", name: "", imageRoot: "" };
    case "hub": {
      if (fetched === null) throw new RunError({ code: "internal", detail: "nothing has fetched the dataset" });
      return { path: inputs.fetched(fetched).path, format: "parquet", name: "", imageRoot: "" };
    }
  }
}

/** The files that a dataset consists of, images that lie beside them left out: a row's images are hashed with the row. */
async function dataFiles(path: string): Promise<readonly string[]> {
  if ((await stat(path)).isFile()) return [path];
  const entries = await readdir(path, { recursive: true });
  return entries
    .filter((name) => /\.(json|jsonl|parquet)$/.test(name))
    .toSorted()
    .map((name) => join(path, name));
}
