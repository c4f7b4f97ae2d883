import { z } from "zod";
import type { ModelShape } from "../../sdk/plan/model-shape.js";
import type { SftNode } from "../../sdk/plan/stages.js";
import { auditedRows, importedRows, publishedRows, type RowCounts } from "../../sdk/plan/tokens.js";
import type { BlobReader } from "../../sdk/run-folder/blob-reader.js";
import type { FileRef } from "../../sdk/run-folder/events.js";
import type { Inputs } from "../stages/inputs.js";

const count = z.number().int().min(0);

/** A line of an audit's report. */
const ReportLine = z.object({
  tokens: count,
  imageTokens: count,
  targetTokens: count,
  images: count,
  action: z.string(),
});

/** A line of imported rows. */
const RowLine = z.object({
  prompt: z.string(),
  target: z.string(),
  images: z.array(z.object({ width: count, height: count })),
});

/**
 * What is known of the rows of a training: an audit's exact counts where the cache has them, imported rows with their
 * words counted, or published statistics; null where nothing is known.
 */
export async function rowCounts(
  node: SftNode,
  shape: ModelShape | null,
  inputs: Inputs,
  blobs: BlobReader,
): Promise<RowCounts | null> {
  if (inputs.has([node.rows])) {
    const lines = await jsonLines(inputs.audit(node.rows).report, blobs);
    const rows = lines.map((line) => ReportLine.parse(line));
    return auditedRows(rows.filter(({ action }) => action === "kept" || action === "capped"));
  }
  if (shape === null) return null;
  const imported = `${node.spec.name}/rows`;
  if (inputs.has([imported])) {
    const lines = await jsonLines(inputs.rows(imported).file, blobs);
    return importedRows(
      lines.map((line) => RowLine.parse(line)),
      shape,
    );
  }
  return publishedRows(node.spec.dataset, node.spec.visionPolicy, shape) ?? null;
}

async function jsonLines(file: FileRef, blobs: BlobReader): Promise<unknown[]> {
  const text = (await blobs.readText(file)).trimEnd();
  return text === "" ? [] : text.split("\n").map((line): unknown => JSON.parse(line));
}
