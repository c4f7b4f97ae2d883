import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../environments.mjs";

/**
 * The files of the project that git tracks or would track, relative to its root.
 * @param {RegExp} pattern
 */
export function projectFiles(pattern) {
  const args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const listed = execFileSync("git", args, { cwd: packageRoot, encoding: "utf8", maxBuffer: 1e8 });
  const names = listed.split("\0").filter((name) => name !== "" && pattern.test(name));
  return names.filter((name) => existsSync(join(packageRoot, name))).toSorted();
}
