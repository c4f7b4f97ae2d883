import { z } from "zod";
import { UserFunction, userFunction } from "./user-function.js";

const RecordsDataset = z
  .strictObject({
    kind: z.literal("records").describe("Rows from a file."),
    path: z.string().min(1).describe("A JSON-lines file; image paths in it are relative to its folder."),
  })
  .readonly();

const GeneratedDataset = z
  .strictObject({
    kind: z.literal("generated").describe("Rows from a function of the user's."),
    function: UserFunction.describe("The function; called with `arguments`, returns the rows."),
    arguments: z.record(z.string(), z.json()).default({}).describe("What the function is called with."),
  })
  .readonly();

/** Where rows come from. */
export const Dataset = z.discriminatedUnion("kind", [RecordsDataset, GeneratedDataset]);
export type Dataset = z.output<typeof Dataset>;
export type DatasetInput = z.input<typeof Dataset>;

/** Rows of a JSON-lines file. */
export function records(path: string): DatasetInput {
  return { kind: "records", path };
}

/** Rows that an exported function makes: `generated(new URL("./world.ts", import.meta.url), "decks", { seed: 1 })`. */
export function generated(
  module: string | URL,
  name: string,
  args: Record<string, z.core.util.JSONType> = {},
): DatasetInput {
  return { kind: "generated", function: userFunction(module, name), arguments: args };
}
