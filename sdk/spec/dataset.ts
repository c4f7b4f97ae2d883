import { z } from "zod";
import { hubFields } from "./hub.js";
import { UserFunction, userFunction } from "./user-function.js";

const limit = z.number().int().min(1).optional().describe("Take no more than this many rows, from the first.");

const RecordsDataset = z
  .strictObject({
    kind: z.literal("records").describe("Rows from a file."),
    path: z.string().min(1).describe("A JSON-lines file; image paths in it are relative to its folder."),
    limit,
  })
  .readonly();

const GeneratedDataset = z
  .strictObject({
    kind: z.literal("generated").describe("Rows from a function of the user's."),
    function: UserFunction.describe("The function; called with `arguments`, returns the rows."),
    arguments: z.record(z.string(), z.json()).default({}).describe("What the function is called with."),
    limit,
  })
  .readonly();

const ShareGptDataset = z
  .strictObject({
    kind: z.literal("shareGpt").describe("A LLaMA-Factory data folder."),
    path: z.string().min(1).describe("The folder with dataset_info.json."),
    name: z.string().min(1).describe("Name of the dataset in dataset_info.json."),
    mediaFolder: z.string().min(1).optional().describe("Folder that image paths are relative to; default the folder."),
    limit,
  })
  .readonly();

const MessagesDataset = z
  .strictObject({
    kind: z.literal("messages").describe("JSON lines with OpenAI messages."),
    path: z.string().min(1).describe("The file; image paths in it are relative to its folder."),
    limit,
  })
  .readonly();

const ParquetDataset = z
  .strictObject({
    kind: z.literal("parquet").describe("Parquet in the layout of the hub: messages and images."),
    path: z.string().min(1).describe("A file, or a folder whose .parquet files are read in the order of their names."),
    limit,
  })
  .readonly();

const HubDataset = z
  .strictObject({ kind: z.literal("hub").describe("A parquet dataset of a hub."), ...hubFields, limit })
  .readonly();

/** Where rows come from. */
export const Dataset = z.discriminatedUnion("kind", [
  RecordsDataset,
  GeneratedDataset,
  ShareGptDataset,
  MessagesDataset,
  ParquetDataset,
  HubDataset,
]);
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

/** A dataset of a LLaMA-Factory data folder, by its name in dataset_info.json. */
export function shareGpt(
  path: string,
  name: string,
  options: { mediaFolder?: string; limit?: number } = {},
): DatasetInput {
  return { kind: "shareGpt", path, name, ...options };
}

/** JSON lines with OpenAI messages. */
export function openAiMessages(path: string, options: { limit?: number } = {}): DatasetInput {
  return { kind: "messages", path, ...options };
}

/** Parquet files in the layout of the hub. */
export function parquet(path: string, options: { limit?: number } = {}): DatasetInput {
  return { kind: "parquet", path, ...options };
}

/** A parquet dataset of a hub. */
export function hubDataset(
  repository: string,
  options: { revision?: string; tokenVariable?: string } = {},
): DatasetInput {
  return { kind: "hub", repository, ...options };
}

/** The published training set of LongWriter-V: 19,378 rows under a name that says 22k. */
export function longWriterV22k(options: { revision?: string; tokenVariable?: string } = {}): DatasetInput {
  return hubDataset("THU-KEG/LongWriter-V-22K", options);
}
