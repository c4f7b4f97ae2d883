import { randomBytes } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { runPaths } from "../../sdk/run-folder/run-paths.js";
import { writeError } from "./disk-full.js";

/** Far more than the last event and the exit record of a run need. */
const RESERVE_BYTES = 256 * 1024;

/**
 * Takes room on the disk for the end of the run, so that a run whose disk is full can still say so.
 *
 * @throws RunError disk_full where there is not even that much.
 */
export async function keepReserve(runDir: string): Promise<void> {
  const path = runPaths(runDir).reserve;
  try {
    // Random: a file system that compresses would keep no room for zeros.
    await writeFile(path, randomBytes(RESERVE_BYTES));
  } catch (error) {
    throw writeError(error, path);
  }
}

/** Gives the room back. */
export async function spendReserve(runDir: string): Promise<void> {
  await rm(runPaths(runDir).reserve, { force: true });
}
