import { spawnSync } from "node:child_process";
import { onTestFinished, type TestContext } from "vitest";
import { temporaryFolder } from "./temporary-folder.js";

/** A file system of its own with so many bytes, in memory; skips the test where none may be mounted. */
export function smallDisk(context: TestContext, bytes: number): string {
  const folder = temporaryFolder();
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", folder], { encoding: "utf8" });
  context.skip(
    mounted.status !== 0,
    `a small disk needs the right to mount: ${mounted.error?.message ?? mounted.stderr.trim()}`,
  );
  onTestFinished(() => void spawnSync("umount", ["--lazy", folder]));
  return folder;
}
