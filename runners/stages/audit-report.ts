import { z } from "zod";
import type { BlobReader } from "../../sdk/run-folder/blob-reader.js";
import type { FileRef } from "../../sdk/run-folder/events.js";

const count = z.number().int().min(0);

/** What an audit says of one row. */
export const ReportLine = z.object({
  id: z.string(),
  // Null where a row cannot be counted.
  tokens: count.nullable(),
  imageTokens: count.nullable(),
  targetTokens: count.nullable(),
  images: count,
  action: z.enum(["kept", "capped", "dropped", "refused"]),
  why: z.string(),
  cutCharacters: count,
});
export type ReportLine = z.output<typeof ReportLine>;

/** A line for every row that an audit has seen, in the order of the rows. */
export async function readReport(report: FileRef, blobs: BlobReader): Promise<readonly ReportLine[]> {
  const text = (await blobs.readText(report)).trimEnd();
  return text === "" ? [] : text.split("\n").map((line) => ReportLine.parse(JSON.parse(line)));
}
