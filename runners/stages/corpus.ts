import type { JsonValue } from "../../sdk/experiment/canonical-json.js";
import type { CorpusNode } from "../../sdk/plan/stages.js";
import type { StageContext } from "./context.js";
import type { RowsResult } from "./results.js";
import { datasetKey, readSourceRows, rowsText } from "./source-rows.js";

export const version = 1;

export async function parts(node: CorpusNode): Promise<JsonValue> {
  return { dataset: await datasetKey(node.dataset) };
}

/** Text rows as they are: what a tokenizer is trained on. */
export async function run(node: CorpusNode, context: StageContext): Promise<RowsResult> {
  const { rows } = await readSourceRows(node.dataset, "training", context);
  return { kind: "rows", file: await context.store.blobs.putText(rowsText(rows)), rows: rows.length, images: 0 };
}
