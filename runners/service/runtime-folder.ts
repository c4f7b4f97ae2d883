import { createHash } from "node:crypto";
import { lstat, mkdir, realpath, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
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
    const name = createHash("sha256")
      .update(await realpath(runDir))
      .digest("hex")
      .slice(0, 12);
    const parent = join(await shortFolder(name), userFolderName());
    const path = join(parent, name);
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
    await rmdir(join(this.path, "..")).catch(() => undefined);
  }
}

function userFolderName(): string {
  return `longform-${process.getuid?.() ?? "user"}`;
}

async function shortFolder(name: string): Promise<string> {
  const asked = process.env["XDG_RUNTIME_DIR"];
  if (!asked) return "/tmp";
  const bytes = Buffer.byteLength(join(asked, userFolderName(), name)) + 1 + LONGEST_NAME_BYTES;
  const exists = await lstat(asked).catch(() => undefined);
  return exists !== undefined && bytes <= SOCKET_PATH_LIMIT_BYTES ? asked : "/tmp";
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
