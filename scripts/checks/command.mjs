import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { packageRoot } from "../environments.mjs";

/**
 * The output lines of a command that fails; none of one that succeeds.
 * @param {string[]} command
 * @param {string} [folder]
 */
export function complaints([program = "", ...args], folder = packageRoot) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd: folder, encoding: "utf8", maxBuffer: 1e8 });
  if (error) throw error;
  if (status === 0) return [];
  const lines = `${stdout}\n${stderr}`.split("\n").filter((line) => line.trim() !== "");
  return lines.length > 0 ? lines : [`${[program, ...args].join(" ")} ended with ${status}`];
}

/**
 * A program of node_modules as a command, without a shell or npx between.
 * @param {string} name
 */
export function nodeProgram(name) {
  return [process.execPath, join(packageRoot, "node_modules", ".bin", name)];
}
