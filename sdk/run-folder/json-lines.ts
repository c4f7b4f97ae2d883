import type { z } from "zod";
import { RunError } from "../failure/failure.js";
import type { BlobReader } from "./blob-reader.js";
import type { FileRef } from "./events.js";

/**
 * Every line of a stored JSON-lines file, parsed.
 *
 * @throws RunError store_corrupt naming the line that has another form.
 */
export async function readJsonLines<Line>(
  file: FileRef,
  schema: z.ZodType<Line>,
  blobs: BlobReader,
): Promise<readonly Line[]> {
  const lines = (await blobs.readText(file)).split("\n").filter((line) => line !== "");
  return lines.map((line, index) => {
    const parsed = schema.safeParse(JSON.parse(line));
    if (parsed.success) return parsed.data;
    throw new RunError({
      code: "store_corrupt",
      detail: parsed.error.message,
      facts: { file: file.sha256, row: `line ${index + 1}` },
    });
  });
}
