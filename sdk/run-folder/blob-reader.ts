import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { canonicalJson, sha256 } from "../experiment/canonical-json.js";
import { RunError } from "../failure/failure.js";
import { absent, errno } from "./errno.js";
import type { FileRef, TreeRef } from "./events.js";

/** What a look at a blob found. */
export type BlobState = "sound" | "missing" | "damaged";

/** Files and folders by the hash of their content. */
export class BlobReader {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** Where the file lies. Its content is only known to be sound after {@link verify}. */
  path(ref: FileRef): string {
    return join(this.root, ref.sha256.slice(0, 2), ref.sha256);
  }

  /** Where the folder lies. Its content is only known to be sound after {@link verify}. */
  treePath(ref: TreeRef): string {
    return join(this.root, "trees", ref.tree);
  }

  /**
   * The text of a file.
   *
   * @throws RunError store_corrupt when it is missing or not what was stored.
   */
  async readText(ref: FileRef): Promise<string> {
    const content = await readFile(this.path(ref)).catch(absent);
    if (content !== undefined && sha256(content) === ref.sha256) return content.toString("utf8");
    throw blobCorrupt(this.path(ref), content === undefined ? "missing" : "damaged");
  }

  /** Reads all of it and compares it with its hash. */
  async verify(ref: FileRef | TreeRef): Promise<BlobState> {
    if ("tree" in ref) {
      const manifest = await treeManifest(this.treePath(ref)).catch(noTree);
      if (typeof manifest === "string") return manifest;
      return manifest.tree === ref.tree ? "sound" : "damaged";
    }
    const found = await fileHash(this.path(ref)).catch(absent);
    if (found === undefined) return "missing";
    return found.sha256 === ref.sha256 ? "sound" : "damaged";
  }
}

/** Where a file or folder of the store lies. */
export function blobPath(blobs: BlobReader, ref: FileRef | TreeRef): string {
  return "tree" in ref ? blobs.treePath(ref) : blobs.path(ref);
}

/** The failure for a blob that is not what was stored. */
function blobCorrupt(path: string, state: Exclude<BlobState, "sound">): RunError {
  const found = state === "missing" ? "nothing" : "other content than was stored";
  return new RunError({
    code: "store_corrupt",
    detail: `${path}: ${found}`,
    facts: { file: path, found, expected: "the content that its name is the hash of" },
  });
}

/** Hash and size of a file. */
export async function fileHash(path: string): Promise<FileRef> {
  const hash = createHash("sha256");
  const stream = createReadStream(path, { highWaterMark: 1 << 20 });
  await pipeline(stream, hash);
  return { sha256: hash.digest("hex"), bytes: stream.bytesRead };
}

/** A folder's hash, size, and its files in the order of their names. */
export interface TreeManifest extends TreeRef {
  readonly files: readonly string[];
}

/**
 * The hash of a folder covers the names and contents of all its files and nothing else: no times, modes or order, and
 * no empty folders.
 *
 * @throws RunError data_refused for anything that is neither a file nor a folder, such as a link.
 */
export async function treeManifest(folder: string): Promise<TreeManifest> {
  const hashes: [string, string][] = [];
  let bytes = 0;
  const files = await filesBelow(folder, "");
  for (const file of files) {
    const found = await fileHash(join(folder, file));
    hashes.push([file, found.sha256]);
    bytes += found.bytes;
  }
  return { tree: sha256(canonicalJson(Object.fromEntries(hashes))), bytes, files };
}

async function filesBelow(folder: string, prefix: string): Promise<string[]> {
  const entries = await readdir(join(folder, prefix), { withFileTypes: true });
  const files: string[] = [];
  for (const entry of entries) {
    const file = prefix === "" ? entry.name : `${prefix}/${entry.name}`;
    if (entry.isDirectory()) files.push(...(await filesBelow(folder, file)));
    else if (entry.isFile()) files.push(file);
    else
      throw new RunError({
        code: "data_refused",
        facts: { file: join(folder, file), found: "a link or a special file", expected: "files and folders only" },
      });
  }
  return files.toSorted();
}

function noTree(error: unknown): BlobState {
  if (error instanceof RunError || errno(error) === "ENOTDIR") return "damaged";
  absent(error);
  return "missing";
}
