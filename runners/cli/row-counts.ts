import { z } from "zod";
import type { ModelShape } from "../../sdk/plan/model-shape.js";
import type { SftNode } from "../../sdk/plan/stages.js";
import { type AuditedRow, auditedRows, importedRows, publishedRows, type RowCounts } from "../../sdk/plan/tokens.js";
import type { BlobReader } from "../../sdk/run-folder/blob-reader.js";
import type { FileRef } from "../../sdk/run-folder/events.js";
import { type ReportLine, readReport } from "../stages/audit-report.js";
import type { Inputs } from "../stages/inputs.js";

const count = z.number().int().min(0);

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
    const { report, refused } = inputs.audit(node.rows);
    const lines = await readReport(report, blobs);
    // Refused rows are mended and then trained on, so they count; only some of them could be counted.
    return auditedRows(
      lines.filter(({ action }) => action !== "dropped").flatMap((line) => counted(line)),
      refused,
    );
  }
  if (shape === null) return null;
  const imported = `${node.spec.name}/rows`;
  if (inputs.has([imported])) {
    const lines = await jsonLines(inputs.rows(imported).file, blobs);
    return importedRows(
      lines.map((line) => RowLine.parse(line)),
      node.spec,
      shape,
    );
  }
  return publishedRows(node.spec, shape) ?? null;
}

/** The row as it was counted; none where it could not be. */
function counted({ tokens, imageTokens, targetTokens, images }: ReportLine): readonly AuditedRow[] {
  return tokens === null || imageTokens === null || targetTokens === null
    ? []
    : [{ tokens, imageTokens, targetTokens, images }];
}

async function jsonLines(file: FileRef, blobs: BlobReader): Promise<unknown[]> {
  const text = (await blobs.readText(file)).trimEnd();
  return text === "" ? [] : text.split("\n").map((line): unknown => JSON.parse(line));
}
