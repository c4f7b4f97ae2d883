import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { BlobStore } from "../../runners/store/blobs.js";
import { sha256 } from "../../sdk/experiment/canonical-json.js";
import { failureOf } from "../../sdk/failure/failure.js";
import type { FileRef, TreeRef } from "../../sdk/run-folder/events.js";
import { bundleProgram, startChild } from "./child.js";
import { smallDisk } from "./small-disk.js";
import { temporaryFolder } from "./temporary-folder.js";

const putting = bundleProgram("putting-program.ts");
const TEXT = "Page 1 shows two red circles. 第一页有两个红色圆形。";

function newStore(): BlobStore {
  return new BlobStore(join(temporaryFolder(), ".blobs"));
}

/** Everything in a store that is not a blob: nothing may be left there. */
function leftovers(blobs: BlobStore): string[] {
  const temporary = join(blobs.root, ".tmp");
  return existsSync(temporary) ? readdirSync(temporary) : [];
}

function fill(folder: string, files: Readonly<Record<string, string>>): string {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

function damage(path: string): void {
  const content = readFileSync(path);
  content.writeUInt8(content.readUInt8(3) ^ 4, 3);
  chmodSync(path, 0o644);
  writeFileSync(path, content);
}

const model = { "config.json": "{}", "weights/model.safetensors": "0123456789", "tokenizer.json": "[]" };

test("a text lies under the hash of its bytes, read-only, where a worker would look for it", async () => {
  const blobs = newStore();
  const ref = await blobs.putText(TEXT);
  const hash = sha256(TEXT);
  expect(ref).toEqual({ sha256: hash, bytes: Buffer.byteLength(TEXT) });
  expect(blobs.path(ref)).toBe(join(blobs.root, hash.slice(0, 2), hash));
  expect(statSync(blobs.path(ref)).mode & 0o777).toBe(0o444);
  expect(await blobs.readText(ref)).toBe(TEXT);
  expect(leftovers(blobs)).toEqual([]);
});

test("a file, its bytes and its text give the same blob, which is written once", async () => {
  const blobs = newStore();
  const path = join(temporaryFolder(), "text");
  writeFileSync(path, TEXT);
  const ref = await blobs.putFile(path);
  const { ino } = statSync(blobs.path(ref));
  expect([await blobs.putText(TEXT), await blobs.putBytes(Buffer.from(TEXT)), await blobs.putFile(path)]).toEqual([
    ref,
    ref,
    ref,
  ]);
  expect(statSync(blobs.path(ref)).ino).toBe(ino);
  expect(readFileSync(path, "utf8")).toBe(TEXT);
});

test("a file larger than any buffer is copied whole", async () => {
  const blobs = newStore();
  const path = join(temporaryFolder(), "large");
  const content = Buffer.alloc(5 * 1024 * 1024 + 7, "0123456789abcdef-");
  writeFileSync(path, content);
  const ref = await blobs.putFile(path);
  expect(ref).toEqual({ sha256: sha256(content), bytes: content.length });
  expect(readFileSync(blobs.path(ref)).equals(content)).toBe(true);
});

test("processes that store the same contents at the same time all succeed and leave each once, whole", async () => {
  const root = join(temporaryFolder(), ".blobs");
  const children = Array.from({ length: 4 }, () => startChild(putting, root, temporaryFolder()));
  await Promise.all(children.map(async ({ ended }) => await ended));
  const reports = children.map(({ seen }) => seen);
  expect(reports[0]).toHaveLength(21);
  for (const report of reports) expect(report).toEqual(reports[0]);
  const blobs = new BlobStore(root);
  for (const line of reports[0] ?? []) {
    const [hash = "", bytes] = line.split(" ");
    const ref: FileRef | TreeRef = line.endsWith("tree")
      ? { tree: hash, bytes: Number(bytes) }
      : { sha256: hash, bytes: Number(bytes) };
    expect(await blobs.verify(ref), line).toBe("sound");
  }
  expect(leftovers(blobs)).toEqual([]);
});

test("a damaged or missing blob is found when it is read, and storing its content again mends it", async () => {
  const blobs = newStore();
  const ref = await blobs.putText(TEXT);
  damage(blobs.path(ref));
  expect(await blobs.verify(ref)).toBe("damaged");
  const failure = failureOf(await blobs.readText(ref).catch((error: unknown) => error));
  expect(failure).toMatchObject({
    code: "store_corrupt",
    facts: { file: blobs.path(ref), found: "other content than was stored" },
  });
  await blobs.putText(TEXT);
  expect(await blobs.readText(ref)).toBe(TEXT);
  rmSync(blobs.path(ref));
  expect(await blobs.verify(ref)).toBe("missing");
  expect(failureOf(await blobs.readText(ref).catch((error: unknown) => error)).facts["found"]).toBe("nothing");
});

test("a folder's hash covers names and contents, and neither order, times nor empty folders", async () => {
  const blobs = newStore();
  const home = temporaryFolder();
  const one = await blobs.putTree(fill(join(home, "one"), model));
  const reversed = fill(join(home, "two"), Object.fromEntries(Object.entries(model).toReversed()));
  mkdirSync(join(reversed, "empty"));
  expect(await blobs.putTree(reversed)).toEqual(one);
  const hashes = [sha256("{}"), sha256("[]"), sha256("0123456789")];
  const manifest = `{"config.json":"${hashes[0]}","tokenizer.json":"${hashes[1]}","weights/model.safetensors":"${hashes[2]}"}`;
  expect(one).toEqual({ tree: sha256(manifest), bytes: 14 });
  for (const [name, changed] of Object.entries({
    content: { ...model, "config.json": "[]" },
    name: { "config2.json": "{}", "weights/model.safetensors": "0123456789", "tokenizer.json": "[]" },
    place: { "config.json": "{}", "model.safetensors": "0123456789", "tokenizer.json": "[]" },
    more: { ...model, ["__proto__"]: "x" },
  }))
    expect((await blobs.putTree(fill(join(home, name), changed))).tree, name).not.toBe(one.tree);
});

test("a folder is moved into the store, read-only; storing it again changes nothing and takes the second one away", async () => {
  const blobs = newStore();
  const home = temporaryFolder();
  const first = fill(join(home, "first"), model);
  const ref = await blobs.putTree(first);
  expect(existsSync(first)).toBe(false);
  const path = join(blobs.treePath(ref), "weights/model.safetensors");
  expect(readFileSync(path, "utf8")).toBe("0123456789");
  expect(statSync(path).mode & 0o777).toBe(0o444);
  const { ino } = statSync(path);
  const second = fill(join(home, "second"), model);
  expect(await blobs.putTree(second)).toEqual(ref);
  expect(existsSync(second)).toBe(false);
  expect(statSync(path).ino).toBe(ino);
  expect(leftovers(blobs)).toEqual([]);
});

test("a damaged folder is found, and storing its content again mends it", async () => {
  const blobs = newStore();
  const home = temporaryFolder();
  const ref = await blobs.putTree(fill(join(home, "first"), model));
  damage(join(blobs.treePath(ref), "weights/model.safetensors"));
  expect(await blobs.verify(ref)).toBe("damaged");
  await blobs.putTree(fill(join(home, "second"), model));
  expect(await blobs.verify(ref)).toBe("sound");
  rmSync(join(blobs.treePath(ref), "config.json"));
  expect(await blobs.verify(ref)).toBe("damaged");
  rmSync(blobs.treePath(ref), { recursive: true });
  expect(await blobs.verify(ref)).toBe("missing");
  expect(leftovers(blobs)).toEqual([]);
});

test("a folder on another file system is copied, then taken away", async (context) => {
  const blobs = newStore();
  const other = fill(join(smallDisk(context, 256 * 1024), "model"), model);
  const ref = await blobs.putTree(other);
  expect(await blobs.verify(ref)).toBe("sound");
  expect(existsSync(other)).toBe(false);
  expect(leftovers(blobs)).toEqual([]);
});

test("a folder with a link is refused and stays where it was", async () => {
  const blobs = newStore();
  const folder = fill(join(temporaryFolder(), "model"), model);
  symlinkSync("/etc/hostname", join(folder, "link"));
  const failure = failureOf(await blobs.putTree(folder).catch((error: unknown) => error));
  expect(failure).toMatchObject({ code: "data_refused", facts: { file: join(folder, "link") } });
  expect(readdirSync(folder)).toContain("config.json");
});

test("on a full disk nothing half-written can be seen, and what was stored before stays", async (context) => {
  const disk = smallDisk(context, 128 * 1024);
  const blobs = new BlobStore(join(disk, ".blobs"));
  const small = await blobs.putText(TEXT);
  const home = temporaryFolder();
  const large = Buffer.alloc(512 * 1024, "x");
  const path = join(home, "large");
  writeFileSync(path, large);
  const folder = fill(join(home, "model"), { ...model, "weights/model.safetensors": large.toString() });
  for (const put of [
    async () => await blobs.putBytes(large),
    async () => await blobs.putFile(path),
    async () => await blobs.putTree(folder),
  ]) {
    const failure = failureOf(await put().catch((error: unknown) => error));
    expect(failure.code).toBe("disk_full");
    expect(failure.facts["file"]).toContain(disk);
    expect(leftovers(blobs)).toEqual([]);
  }
  expect(await blobs.verify({ sha256: sha256(large), bytes: large.length })).toBe("missing");
  expect(existsSync(join(blobs.root, "trees")) ? readdirSync(join(blobs.root, "trees")) : []).toEqual([]);
  expect(readdirSync(folder)).toContain("config.json");
  expect(await blobs.readText(small)).toBe(TEXT);
});
