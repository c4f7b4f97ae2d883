import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { BlobStore } from "../../runners/store/blobs.js";
import { type NewCacheEntry, StageCache } from "../../runners/store/stage-cache.js";
import { canonicalJson, type JsonValue, sha256 } from "../../sdk/experiment/canonical-json.js";
import { smallDisk } from "./small-disk.js";
import { temporaryFolder } from "./temporary-folder.js";

function newCache(runs: string): StageCache {
  return new StageCache(join(runs, ".cache"), new BlobStore(join(runs, ".blobs")));
}

async function entryFor(cache: StageCache, parts: JsonValue, stage = "sft"): Promise<NewCacheEntry> {
  const file = await cache.blobs.putText(`result of ${canonicalJson(parts)}`);
  const key = sha256(canonicalJson(parts));
  return {
    key,
    kind: "sft",
    stage,
    experiment: "miniature",
    parts,
    result: { kind: "texts", loss: 0.125, file: { ...file } },
    refs: [file],
  };
}

function flip(path: string, byte: number): void {
  const content = readFileSync(path);
  content.writeUInt8(content.readUInt8(byte) ^ 1, byte);
  chmodSync(path, 0o644);
  writeFileSync(path, content);
}

test("what was put is got again, by another process's cache too, with its form and time", async () => {
  const runs = temporaryFolder();
  const cache = newCache(runs);
  const entry = await entryFor(cache, { epochs: 3 });
  await cache.put(entry);
  const found = await newCache(runs).get(entry.key);
  expect(found).toMatchObject({ hit: true, entry: { ...entry, format: 1 } });
});

test("a key that was never put misses", async () => {
  const cache = newCache(temporaryFolder());
  expect(await cache.get("0".repeat(64))).toMatchObject({ hit: false, reason: "absent" });
});

test("a missing and a damaged blob are misses that name the file; putting the content again makes a hit", async () => {
  const cache = newCache(temporaryFolder());
  const entry = await entryFor(cache, { epochs: 3 });
  await cache.put(entry);
  const [ref] = entry.refs;
  if (ref === undefined || !("sha256" in ref)) throw new Error("the entry stands on a file");
  const path = cache.blobs.path(ref);
  flip(path, 5);
  expect(await cache.get(entry.key)).toMatchObject({
    hit: false,
    reason: "blob_damaged",
    detail: expect.stringContaining(path),
  });
  rmSync(path);
  expect(await cache.get(entry.key)).toMatchObject({
    hit: false,
    reason: "blob_missing",
    detail: expect.stringContaining(path),
  });
  await entryFor(cache, { epochs: 3 });
  expect((await cache.get(entry.key)).hit).toBe(true);
});

test("an entry with a bit flipped in any byte is a miss, never another result", async () => {
  const runs = temporaryFolder();
  const cache = newCache(runs);
  const entry = await entryFor(cache, { epochs: 3 });
  await cache.put(entry);
  const path = join(runs, ".cache", `${entry.key}.json`);
  const sound = await cache.get(entry.key);
  const content = readFileSync(path);
  for (let byte = 0; byte < content.length - 1; byte += 1) {
    const damaged = Buffer.from(content);
    damaged.writeUInt8(content.readUInt8(byte) ^ (1 << (byte % 8)), byte);
    writeFileSync(path, damaged);
    expect(await cache.get(entry.key), `byte ${byte}`).toMatchObject({ hit: false, reason: "entry_damaged" });
  }
  writeFileSync(path, content);
  expect(await cache.get(entry.key)).toEqual(sound);
});

test("an entry under another entry's key is a miss", async () => {
  const runs = temporaryFolder();
  const cache = newCache(runs);
  const [one, two] = [await entryFor(cache, 1), await entryFor(cache, 2)];
  await cache.put(one);
  await cache.put(two);
  writeFileSync(join(runs, ".cache", `${one.key}.json`), readFileSync(join(runs, ".cache", `${two.key}.json`)));
  expect(await cache.get(one.key)).toMatchObject({ hit: false, reason: "entry_damaged" });
});

test("the newest entry of each stage of each experiment is kept in mind", async () => {
  const runs = temporaryFolder();
  const cache = newCache(runs);
  expect(await cache.lastOf("miniature", "sft")).toBeUndefined();
  await cache.put(await entryFor(cache, { epochs: 1 }));
  await cache.put(await entryFor(cache, { epochs: 2 }));
  await cache.put(await entryFor(cache, { epochs: 9 }, "base/rows"));
  expect((await cache.lastOf("miniature", "sft"))?.parts).toEqual({ epochs: 2 });
  expect((await cache.lastOf("miniature", "base/rows"))?.parts).toEqual({ epochs: 9 });
  expect(await cache.lastOf("other", "sft")).toBeUndefined();
  rmSync(join(runs, ".cache", `${sha256(canonicalJson({ epochs: 2 }))}.json`));
  expect(await cache.lastOf("miniature", "sft")).toBeUndefined();
});

test("on a full disk an entry is refused by name, and the old one stays", async (context) => {
  const cache = newCache(smallDisk(context, 96 * 1024));
  const entry = await entryFor(cache, { epochs: 1 });
  await cache.put(entry);
  await expect(cache.put({ ...entry, result: "x".repeat(200_000) })).rejects.toMatchObject({
    failure: { code: "disk_full" },
  });
  expect(await cache.get(entry.key)).toMatchObject({ hit: true, entry: { result: entry.result } });
});
