import { createHash } from "node:crypto";
import { lstat, mkdir, realpath, rm, rmdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { RunError } from "../../sdk/failure/failure.js";
import { errno } from "../../sdk/run-folder/errno.js";

/** `sun_path` has 108 bytes, the last of them zero. */
const SOCKET_PATH_LIMIT_BYTES = 107;
const LONGEST_NAME_BYTES = 32;

/** The private folder of a run's sockets: short, on a local file system, open to its owner alone. */
export class RuntimeFolder implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Makes the folder of a run; the same run always gets the same one. */
  static async open(runDir: string): Promise<RuntimeFolder> {
    const path = runtimePath(await realpath(runDir));
    const parent = dirname(path);
    for (;;) {
      await makePrivate(parent);
      try {
        await makePrivate(path);
        return new RuntimeFolder(path);
      } catch (error) {
        // The last run of this user has just taken the parent with it.
        if (errno(error) !== "ENOENT") throw error;
      }
    }
  }

  /** The path of a file in the folder. */
  file(name: string): string {
    return join(this.path, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
    // The last run of this user takes the parent with it.
    await rmdir(dirname(this.path)).catch(() => undefined);
  }
}

/**
 * Where the sockets of a run lie. Never below XDG_RUNTIME_DIR: that folder is removed when the user's last session
 * ends, and a run goes on.
 *
 * @param runDir The real path of the run's folder.
 */
export function runtimePath(runDir: string): string {
  const name = createHash("sha256").update(runDir).digest("hex").slice(0, 12);
  const path = (parent: string) => join(parent, `longform-${process.getuid?.() ?? "user"}`, name);
  const asked = path(tmpdir());
  return Buffer.byteLength(asked) + 1 + LONGEST_NAME_BYTES <= SOCKET_PATH_LIMIT_BYTES ? asked : path("/tmp");
}

/** In a folder that everybody may write to, somebody else may have been first. */
async function makePrivate(path: string): Promise<void> {
  await mkdir(path, { mode: 0o700 }).catch((error: unknown) => {
    if (errno(error) !== "EEXIST") throw error;
  });
  const found = await lstat(path);
  if (found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o077) === 0) return;
  throw new RunError({
    code: "launch_failed",
    detail: "the folder for sockets belongs to somebody else or is open to others",
    facts: {
      file: path,
      found: `owner ${found.uid}, mode ${(found.mode & 0o777).toString(8)}`,
      expected: "a folder of this user with mode 700",
    },
  });
}
