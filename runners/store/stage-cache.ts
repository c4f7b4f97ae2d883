import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { canonicalJson, sha256, toJson } from "../../sdk/experiment/canonical-json.js";
import { RunError } from "../../sdk/failure/failure.js";
import { blobPath } from "../../sdk/run-folder/blob-reader.js";
import { FileRef, TreeRef } from "../../sdk/run-folder/events.js";
import { readJsonFile } from "../../sdk/run-folder/json-file.js";
import type { BlobStore } from "./blobs.js";
import { replaceFile } from "./durable-file.js";

/** What a stage gave, kept under the key of everything that it depends on. */
export const CacheEntry = z
  .strictObject({
    format: z.literal(1),
    key: z.string().regex(/^[0-9a-f]{64}$/),
    kind: z.string(),
    stage: z.string(),
    experiment: z.string(),
    /** What the key is the hash of: tells why another key missed. */
    parts: z.json(),
    result: z.json(),
    /** Every blob that the result stands on. */
    refs: z.array(z.union([FileRef, TreeRef])).readonly(),
    time: z.iso.datetime(),
  })
  .readonly();
export type CacheEntry = z.output<typeof CacheEntry>;

/** What a stage hands in; form and time are added. */
export type NewCacheEntry = Omit<CacheEntry, "format" | "time">;

/** A look into the cache. `detail` says in words why it missed. */
export type CacheLookup = CacheHit | CacheMiss;

export interface CacheHit {
  readonly hit: true;
  readonly entry: CacheEntry;
}

export interface CacheMiss {
  readonly hit: false;
  readonly reason: "absent" | "entry_damaged" | "blob_missing" | "blob_damaged";
  readonly detail: string;
}

const SealedEntry = z.strictObject({ entry: CacheEntry, sha256: z.string() });
const LastKey = z.strictObject({ key: z.string() });

/** Results of stages by key. What is found is checked before it is given, so that a hit may be used blindly. */
export class StageCache {
  readonly blobs: BlobStore;
  readonly #root: string;

  /** @param blobs Where the results' files lie. */
  constructor(root: string, blobs: BlobStore) {
    this.#root = root;
    this.blobs = blobs;
  }

  /** The entry of a key, with every blob read and compared with its hash. */
  async get(key: string): Promise<CacheLookup> {
    const found = await this.#read(key);
    if (!found.hit) return found;
    for (const ref of found.entry.refs) {
      const state = await this.blobs.verify(ref);
      if (state === "missing")
        return { hit: false, reason: "blob_missing", detail: `${blobPath(this.blobs, ref)} is gone` };
      if (state === "damaged")
        return { hit: false, reason: "blob_damaged", detail: `${blobPath(this.blobs, ref)} is not what was stored` };
    }
    return found;
  }

  /** Keeps an entry; one that is already there is replaced. */
  async put(given: NewCacheEntry): Promise<void> {
    const entry = CacheEntry.parse({ ...given, format: 1, time: new Date().toISOString() });
    const path = this.#entryPath(entry.key);
    const last = this.#lastPath(entry.experiment, entry.stage);
    await mkdir(join(this.#root, "last"), { recursive: true });
    await replaceFile(path, `${canonicalJson(toJson({ entry, sha256: sealOf(entry) }))}\n`);
    await replaceFile(last, `${canonicalJson({ key: entry.key })}\n`);
  }

  /** The newest entry of a stage: its key parts explain why the stage misses now. Undefined when there is none. */
  async lastOf(experiment: string, stage: string): Promise<CacheEntry | undefined> {
    const last = await readJsonFile(this.#lastPath(experiment, stage), LastKey).catch(damaged);
    if (last === undefined) return undefined;
    const found = await this.#read(last.key);
    return found.hit ? found.entry : undefined;
  }

  async #read(key: string): Promise<CacheLookup> {
    const path = this.#entryPath(key);
    try {
      const sealed = await readJsonFile(path, SealedEntry);
      if (sealed === undefined) return { hit: false, reason: "absent", detail: "never run with these parts" };
      const { entry } = sealed;
      if (sealed.sha256 === sealOf(entry) && entry.key === key) return { hit: true, entry };
    } catch (error) {
      damaged(error);
    }
    return { hit: false, reason: "entry_damaged", detail: `${path} is not what was stored` };
  }

  #entryPath(key: string): string {
    return join(this.#root, `${key}.json`);
  }

  #lastPath(experiment: string, stage: string): string {
    return join(this.#root, "last", `${sha256(canonicalJson([experiment, stage]))}.json`);
  }
}

function sealOf(entry: CacheEntry): string {
  return sha256(canonicalJson(toJson(entry)));
}

/** A damaged file of the cache is as good as none; what the system says of a disk is not. */
function damaged(error: unknown): undefined {
  if (error instanceof RunError) return undefined;
  throw error;
}
