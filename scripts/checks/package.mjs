import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageRoot } from "../environments.mjs";
import { complaints, nodeProgram } from "./command.mjs";

/** The packed tarball resolves for every kind of consumer. */
export function packageCheck() {
  const folder = mkdtempSync(join(tmpdir(), "longform-pack-"));
  try {
    const args = ["pack", "--ignore-scripts", "--silent", "--pack-destination", folder];
    const tarball = join(folder, execFileSync("npm", args, { cwd: packageRoot, encoding: "utf8" }).trim());
    return [
      ...complaints([...nodeProgram("publint"), tarball, "--strict"]),
      // Under CommonJS with an old TypeScript a CommonJS build would be needed; Node itself loads ours.
      ...complaints([...nodeProgram("attw"), tarball, "--ignore-rules", "cjs-resolves-to-esm", "--no-color"]),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
