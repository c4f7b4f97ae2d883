import { createHash, randomBytes } from "node:crypto";
import { chmod, copyFile, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { sha256 } from "../../sdk/experiment/canonical-json.js";
import { BlobReader, fileHash, treeManifest } from "../../sdk/run-folder/blob-reader.js";
import { errno } from "../../sdk/run-folder/errno.js";
import type { FileRef, TreeRef } from "../../sdk/run-folder/events.js";
import { writeError } from "./disk-full.js";
import { syncFolder, writeSynced } from "./durable-file.js";

const READ_ONLY = 0o444;

/**
 * Files and folders stored once under the hash of their content. Many processes may store the same content at once. A
 * blob is either not there or whole; one that was damaged since is replaced when its content is stored again.
 */
export class BlobStore extends BlobReader {
  /**
   * Stores text as UTF-8.
   *
   * @throws RunError disk_full; nothing of it is then in the store.
   */
  async putText(text: string): Promise<FileRef> {
    return await this.putBytes(Buffer.from(text));
  }

  /** @throws RunError disk_full; nothing of it is then in the store. */
  async putBytes(content: Uint8Array): Promise<FileRef> {
    const ref = { sha256: sha256(content), bytes: content.length };
    if ((await this.verify(ref)) === "sound") return ref;
    return await this.#throughTemporary(async (temporary) => {
      await writeSynced(temporary, content, READ_ONLY);
      await moveInto(temporary, this.path(ref));
      return ref;
    });
  }

  /**
   * Stores a copy of a file.
   *
   * @throws RunError disk_full; nothing of it is then in the store.
   */
  async putFile(path: string): Promise<FileRef> {
    const known = await fileHash(path);
    if ((await this.verify(known)) === "sound") return known;
    return await this.#throughTemporary(async (temporary) => {
      // Hashed again while it is copied: the file may have changed in between.
      const ref = await copySynced(path, temporary);
      await moveInto(temporary, this.path(ref));
      return ref;
    });
  }

  /**
   * Moves a folder into the store: it is then gone from where it was. From another file system it is copied first.
   *
   * @throws RunError data_refused for a folder with links or special files; disk_full. Then it stays where it was.
   */
  async putTree(folder: string): Promise<TreeRef> {
    const { tree, bytes, files } = await treeManifest(folder);
    const ref = { tree, bytes };
    const target = this.treePath(ref);
    const state = await this.verify(ref);
    if (state === "damaged") await this.#discard(target);
    if (state !== "sound") {
      await sealFiles(folder, files);
      try {
        await moveInto(folder, target);
        return ref;
      } catch (error) {
        if (errno(error) === "EXDEV") return await this.#putCopy(folder, files);
        // Somebody else stored the same content since.
        if (errno(error) !== "ENOTEMPTY" && errno(error) !== "EEXIST") throw writeError(error, target);
      }
    }
    await rm(folder, { recursive: true });
    return ref;
  }

  async #putCopy(folder: string, files: readonly string[]): Promise<TreeRef> {
    const ref = await this.#throughTemporary(async (temporary) => {
      for (const file of files) {
        await mkdir(dirname(join(temporary, file)), { recursive: true });
        await copyFile(join(folder, file), join(temporary, file));
      }
      return await this.putTree(temporary);
    });
    await rm(folder, { recursive: true });
    return ref;
  }

  async #discard(damaged: string): Promise<void> {
    await this.#throughTemporary(async (temporary) => await rename(damaged, temporary));
  }

  async #throughTemporary<Result>(work: (temporary: string) => Promise<Result>): Promise<Result> {
    const folder = join(this.root, ".tmp");
    const temporary = join(folder, randomBytes(12).toString("hex"));
    try {
      await mkdir(folder, { recursive: true });
      return await work(temporary);
    } catch (error) {
      throw writeError(error, this.root);
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  }
}

/** Renames within the store's file system and makes the new name durable. */
async function moveInto(from: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  await rename(from, target);
  await syncFolder(dirname(target));
}

/** Copies a file and hashes what is written. */
async function copySynced(from: string, to: string): Promise<FileRef> {
  const hash = createHash("sha256");
  const target = await open(to, "wx", READ_ONLY);
  try {
    let bytes = 0;
    for await (const chunk of byteChunks(from)) {
      hash.update(chunk);
      await target.writeFile(chunk);
      bytes += chunk.length;
    }
    await target.sync();
    return { sha256: hash.digest("hex"), bytes };
  } finally {
    await target.close();
  }
}

async function* byteChunks(path: string): AsyncGenerator<Uint8Array> {
  const file = await open(path, "r");
  try {
    const buffer = Buffer.allocUnsafe(1 << 20);
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

/** Makes a folder's files durable and read-only. */
async function sealFiles(folder: string, files: readonly string[]): Promise<void> {
  const folders = new Set([folder]);
  for (const file of files) {
    const path = join(folder, file);
    const handle = await open(path, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    await chmod(path, READ_ONLY);
    for (let parent = dirname(path); parent.length > folder.length; parent = dirname(parent)) folders.add(parent);
  }
  for (const path of folders) await syncFolder(path);
}
