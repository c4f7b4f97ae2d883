import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { datasetKey } from "../../runners/stages/source-rows.js";
import { parseSpec } from "../../sdk/experiment/spec-error.js";
import { TrainingRow } from "../../sdk/spec/rows.js";
import { temporaryFolder } from "../store/temporary-folder.js";

/** A folder of rows, the second of which names these images. */
function rowsWith(...images: string[]) {
  const folder = join(temporaryFolder(), "data");
  mkdirSync(folder);
  const path = join(folder, "rows.jsonl");
  const row = (id: string, paths: string[]) => JSON.stringify({ id, images: paths.map((image) => ({ path: image })) });
  writeFileSync(path, `${row("first", [])}\n${row("second", images)}\n`);
  const source = { kind: "file", path, imageRoot: folder, name: path, limit: undefined } as const;
  return { folder, path, key: async () => await datasetKey(source) };
}

test("a dataset is identified by the contents of its images, wherever links below its folder lead", async () => {
  const { folder, key } = rowsWith("one.png", "linked.png");
  writeFileSync(join(folder, "one.png"), "1");
  symlinkSync("one.png", join(folder, "linked.png"));
  const before = await key();
  expect(await key()).toEqual(before);
  writeFileSync(join(folder, "one.png"), "2");
  expect(await key()).not.toEqual(before);
});

test("a byte order mark before the first row is no part of it", async () => {
  const { path, key } = rowsWith();
  const before = await key();
  writeFileSync(path, `\uFEFF${readFileSync(path, "utf8")}`);
  expect(await key()).toEqual(before);
});

test("an image that is a bare path is refused with the form that images have", () => {
  const row = { id: "a", language: "en", prompt: "What is this?", target: "A page.", images: ["a.png"] };
  expect(() => parseSpec(TrainingRow, row)).toThrow(
    'images.0: found "a.png", expected an image as {"path": "…"} or {"drawing": {…}}',
  );
  expect(parseSpec(TrainingRow, { ...row, images: [{ path: "a.png" }] }).images).toEqual([{ path: "a.png" }]);
});

test("an image outside the folder of the rows is refused by file, row and image, and is not read", async () => {
  const { folder, path, key } = rowsWith("inside.png", "../../../../../../../../dev/zero");
  writeFileSync(join(folder, "inside.png"), "1");
  await expect(key()).rejects.toMatchObject({
    failure: {
      code: "data_refused",
      facts: { file: path, row: "line 2", image: "1", found: expect.stringContaining("which is /dev/zero") },
    },
  });
});

test("neither a link to the outside, nor a neighbour of a like name, nor a folder is an image", async () => {
  const { folder, path, key } = rowsWith("linked.png");
  symlinkSync("/dev/zero", join(folder, "linked.png"));
  await expect(key()).rejects.toMatchObject({ failure: { facts: { file: path, image: "0" } } });

  const beside = rowsWith("../data-other/one.png");
  mkdirSync(`${beside.folder}-other`);
  writeFileSync(`${beside.folder}-other/one.png`, "1");
  await expect(beside.key()).rejects.toMatchObject({
    failure: { code: "data_refused", facts: { found: expect.stringContaining("data-other") } },
  });

  const directory = rowsWith("pages");
  mkdirSync(join(directory.folder, "pages"));
  await expect(directory.key()).rejects.toMatchObject({
    failure: { code: "data_refused", facts: { found: "pages, which is no file" } },
  });

  await expect(rowsWith("gone.png").key()).rejects.toMatchObject({
    failure: { code: "data_refused", facts: { found: "gone.png, which cannot be read" } },
  });
});
