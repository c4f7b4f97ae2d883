import type { JsonValue } from "../../sdk/experiment/canonical-json.js";
import type { CorpusNode } from "../../sdk/plan/stages.js";
import type { BlobReader } from "../../sdk/run-folder/blob-reader.js";
import type { StageContext } from "./context.js";
import type { Inputs } from "./inputs.js";
import type { RowsResult } from "./results.js";
import { datasetKey, readSourceRows, rowsSource, rowsText } from "./source-rows.js";

export const version = 1;

export async function parts(node: CorpusNode, inputs: Inputs, blobs: BlobReader): Promise<JsonValue> {
  return { dataset: await datasetKey(rowsSource(node, { inputs, blobs })) };
}

/** Text rows as they are: what a tokenizer is trained on. */
export async function run(node: CorpusNode, context: StageContext): Promise<RowsResult> {
  const { inputs, store } = context;
  const source = rowsSource(node, { inputs, blobs: store.blobs });
  const { rows } = await readSourceRows(source, "training", context);
  return { kind: "rows", file: await store.blobs.putText(rowsText(rows)), rows: rows.length, images: 0 };
}
