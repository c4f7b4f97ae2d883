import { RunError } from "../../sdk/failure/failure.js";
import { errno } from "../../sdk/run-folder/errno.js";

/** The typed failure of a write that found no space (or no quota) left; undefined for every other error. */
export function asDiskFull(error: unknown, path: string): RunError | undefined {
  const code = errno(error);
  if (code !== "ENOSPC" && code !== "EDQUOT") return undefined;
  const found = code === "ENOSPC" ? "no space left on its file system" : "no quota left on its file system";
  return new RunError(
    { code: "disk_full", detail: `${path}: ${found}`, facts: { file: path, found } },
    { cause: error },
  );
}

/** What a failed write of `path` throws on: typed when the disk is full, otherwise the error itself. */
export function writeError(error: unknown, path: string): unknown {
  return asDiskFull(error, path) ?? error;
}
