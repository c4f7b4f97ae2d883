import { readFile } from "node:fs/promises";
import type { z } from "zod";
import { RunError } from "../failure/failure.js";
import { absent } from "./errno.js";

/**
 * A small JSON file of a run; undefined when it does not exist.
 *
 * @throws RunError store_corrupt when it is no JSON of the expected form.
 */
export async function readJsonFile<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
): Promise<z.output<Schema> | undefined> {
  const text = await readFile(path, "utf8").catch(absent);
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    const facts = { file: path, found: text.slice(0, 80), expected: "the file as it was written" };
    throw new RunError({ code: "store_corrupt", detail: `${path} cannot be read`, facts }, { cause: error });
  }
}
