import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { z } from "zod";
import { openAiMessages, parquet, shareGpt } from "longform";
import { Inputs } from "../../runners/stages/inputs.js";
import { parts } from "../../runners/stages/read.js";
import { rowsSource } from "../../runners/stages/source-rows.js";
import { BlobStore } from "../../runners/store/blobs.js";
import type { ReadNode } from "../../sdk/plan/stages.js";
import { Dataset, type DatasetInput } from "../../sdk/spec/dataset.js";
import { temporaryFolder } from "../store/temporary-folder.js";

const Files = z.looseObject({ files: z.record(z.string(), z.string()) });

function nodeOf(input: DatasetInput, fetched: string | null = null): ReadNode {
  const dataset = Dataset.parse(input);
  if (dataset.kind === "records" || dataset.kind === "generated") throw new Error("rows of our own");
  return { kind: "read", id: "sft/rows-read", dataset, fetched };
}

/** A LLaMA-Factory folder: an index, rows, and an image that is none. */
function dataFolder(): string {
  const folder = join(temporaryFolder(), "data");
  mkdirSync(join(folder, "images"), { recursive: true });
  writeFileSync(join(folder, "dataset_info.json"), '{"decks": {"file_name": "decks.json"}}');
  writeFileSync(join(folder, "decks.json"), "[]");
  writeFileSync(join(folder, "images", "a.png"), "1");
  return folder;
}

test("what others have made is read again when an index, a row file, a limit or a name changes", async () => {
  const folder = dataFolder();
  const key = async (change: object = {}) =>
    await parts(nodeOf({ ...shareGpt(folder, "decks"), ...change }), new Inputs());
  const before = await key();
  expect(await key()).toEqual(before);
  expect(await key({ limit: 2 })).not.toEqual(before);
  expect(await key({ name: "other" })).not.toEqual(before);
  expect(await key({ mediaFolder: "/elsewhere" })).not.toEqual(before);
  writeFileSync(join(folder, "images", "a.png"), "2");
  // Images are hashed with the rows that name them, when they are imported.
  expect(await key()).toEqual(before);
  writeFileSync(join(folder, "decks.json"), "[{}]");
  expect(await key()).not.toEqual(before);
});

test("a copy of a folder is read for itself: its images need not be those of the first", async () => {
  const folder = dataFolder();
  cpSync(folder, `${folder}-copy`, { recursive: true });
  const [one, other] = [shareGpt(folder, "decks"), shareGpt(`${folder}-copy`, "decks")].map(
    async (dataset) => await parts(nodeOf(dataset), new Inputs()),
  );
  expect(await one).not.toEqual(await other);
});

test("of a file it is the file that counts, of a folder of parquet every file below it", async () => {
  const folder = temporaryFolder();
  const file = join(folder, "chat.jsonl");
  writeFileSync(file, "{}");
  const key = async (dataset: DatasetInput) => await parts(nodeOf(dataset), new Inputs());
  expect(await key(openAiMessages(file))).toMatchObject({
    format: "messages",
    files: { "/chat.jsonl": expect.stringMatching(/^[0-9a-f]{64}$/) },
  });
  mkdirSync(join(folder, "hub", "data"), { recursive: true });
  for (const name of ["b.parquet", "a.parquet", "notes.txt"]) writeFileSync(join(folder, "hub", "data", name), name);
  const { files } = Files.parse(await key(parquet(join(folder, "hub"))));
  expect(Object.keys(files)).toEqual(["/hub/data/a.parquet", "/hub/data/b.parquet"]);
});

test("a dataset of a hub is what has been fetched", async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "a.parquet"), "a");
  const inputs = new Inputs();
  inputs.set("sft/rows-fetched", { kind: "fetch", path: folder, repository: "a/b", commit: "c".repeat(40) });
  const node = nodeOf({ kind: "hub", repository: "a/b" }, "sft/rows-fetched");
  expect(await parts(node, inputs)).toMatchObject({ format: "parquet", path: folder });
  await expect(parts(nodeOf({ kind: "hub", repository: "a/b" }), inputs)).rejects.toMatchObject({
    failure: { code: "internal" },
  });
});

test("rows are named in messages by the dataset that the user knows, images lie where the reading has left them", async () => {
  const blobs = new BlobStore(join(temporaryFolder(), ".blobs"));
  const file = await blobs.putText("{}\n");
  const images = { tree: "d".repeat(64), bytes: 0 };
  const inputs = new Inputs();
  inputs.set("theirs", { kind: "read", file, rows: 1, found: "", imageRoot: "/data/media" });
  inputs.set("bytes", { kind: "read", file, rows: 1, found: "", imageRoot: "", images });
  const source = (input: DatasetInput, read: string) =>
    rowsSource({ dataset: Dataset.parse(input), read }, { inputs, blobs });
  expect(source(shareGpt("/data", "decks"), "theirs")).toEqual({
    kind: "file",
    path: blobs.path(file),
    imageRoot: "/data/media",
    name: "/data",
    limit: undefined,
  });
  expect(source({ kind: "hub", repository: "a/b" }, "bytes")).toMatchObject({
    name: "a/b",
    imageRoot: blobs.treePath(images),
  });
});
