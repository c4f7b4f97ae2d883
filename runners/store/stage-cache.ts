import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { canonicalJson, type JsonValue, sha256, toJson } from "../../sdk/experiment/canonical-json.js";
import { RunError } from "../../sdk/failure/failure.js";
import { type BlobReader, blobPath } from "../../sdk/run-folder/blob-reader.js";
import { FileRef, TreeRef } from "../../sdk/run-folder/events.js";
import { readJsonFile } from "../../sdk/run-folder/json-file.js";
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

/** A look into the cache. A miss says why in words for people. */
export type CacheLookup =
  | { readonly kind: "hit"; readonly entry: CacheEntry }
  | { readonly kind: "miss"; readonly reason: "absent" | "entry_damaged" | "blob_missing" | "blob_damaged"; readonly detail: string };

const SealedEntry = z.strictObject({ entry: CacheEntry, sha256: z.string() });
const LastKey = z.strictObject({ key: z.string() });

/** Results of stages by key. What is found is checked before it is given, so that a hit may be used blindly. */
export class StageCache {
  readonly #root: string;
  readonly #blobs: BlobReader;

  constructor(root: string, blobs: BlobReader) {
    this.#root = root;
    this.#blobs = blobs;
  }

  /** The entry of a key, with every blob read and compared with its hash. */
  async get(key: string): Promise<CacheLookup> {
    const found = await this.#read(key);
    if (found.kind === "miss") return found;
    for (const ref of found.entry.refs) {
      const state = await this.#blobs.verify(ref);
      if (state === "missing") return { kind: "miss", reason: "blob_missing", detail: `${blobPath(this.#blobs, ref)} is gone` };
      if (state === "damaged") return { kind: "miss", reason: "blob_damaged", detail: `${blobPath(this.#blobs, ref)} is not what was stored` };
    }
    return found;
  }

  /** Keeps an entry; one that is already there is replaced. */
  async put(entry: CacheEntry): Promise<void> {
    const path = this.#entryPath(entry.key);
    const last = this.#lastPath(entry.experiment, entry.stage);
    await mkdir(join(this.#root, "last"), { recursive: true });
    await replaceFile(path, `${canonicalJson(toJson({ entry, sha256: sealOf(entry) }))}\n`);
    await replaceFile(last, `${canonicalJson({ key: entry.key })}\n`);
  }

  /** The key parts of the newest entry of a stage, to explain why it misses now; undefined when there is none. */
  async lastOf(experiment: string, stage: string): Promise<JsonValue | undefined> {
    const last = await readJsonFile(this.#lastPath(experiment, stage), LastKey).catch(damaged);
    if (last === undefined) return undefined;
    const found = await this.#read(last.key);
    return found.kind === "hit" ? found.entry.parts : undefined;
  }

  async #read(key: string): Promise<CacheLookup> {
    const path = this.#entryPath(key);
    try {
      const sealed = await readJsonFile(path, SealedEntry);
      if (sealed === undefined) return { kind: "miss", reason: "absent", detail: "never run with these parts" };
      const { entry } = sealed;
      if (sealed.sha256 === sealOf(entry) && entry.key === key) return { kind: "hit", entry };
    } catch (error) {
      damaged(error);
    }
    return { kind: "miss", reason: "entry_damaged", detail: `${path} is not what was stored` };
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
