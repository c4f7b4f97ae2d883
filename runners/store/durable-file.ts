import { randomBytes } from "node:crypto";
import { link, open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { errno } from "../../sdk/run-folder/errno.js";
import { writeError } from "./disk-full.js";

/** Makes the names in a folder durable: a rename or a new file survives a power cut only after this. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/**
 * Puts a file in place so that readers see the old content or the new one, whole and durable, and nothing between.
 *
 * @throws RunError disk_full; the old content stays.
 */
export async function replaceFile(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
  await throughTemporary(path, content, mode, async (temporary) => await rename(temporary, path));
}

/**
 * Makes a file that must not exist yet, whole and durable at once. Of several processes exactly one succeeds, also on
 * file systems without locks.
 *
 * @returns Whether this call made it.
 * @throws RunError disk_full; then the file does not exist.
 */
export async function createFile(path: string, content: string, mode = 0o644): Promise<boolean> {
  return await throughTemporary(path, content, mode, async (temporary) => {
    try {
      await link(temporary, path);
      return true;
    } catch (error) {
      if (errno(error) !== "EEXIST") throw error;
      // A network file system may have lost its answer to a link that succeeded.
      return (await stat(temporary)).nlink === 2;
    } finally {
      await rm(temporary, { force: true });
    }
  });
}

async function throughTemporary<Result>(
  path: string,
  content: string | Uint8Array,
  mode: number,
  place: (temporary: string) => Promise<Result>,
): Promise<Result> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}`);
  try {
    await writeSynced(temporary, content, mode);
    const result = await place(temporary);
    await syncFolder(dirname(path));
    return result;
  } catch (error) {
    await rm(temporary, { force: true });
    throw writeError(error, path);
  }
}

/** Writes a new file and waits until the disk has it. */
export async function writeSynced(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  const file = await open(path, "wx", mode);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}
