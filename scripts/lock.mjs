// Resolves python-worker/requirements/*.in into exact lock files for every system (`npm run lock`).
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { longformHome, packageRoot } from "./environments.mjs";
import { findPython } from "./setup/python.mjs";
import { installUv } from "./setup/uv.mjs";

const folder = join(packageRoot, "python-worker", "requirements");
const uv = await installUv({ base: findPython(), logFile: join(longformHome(), "lock.log") });
if (!uv) throw new Error("uv cannot be installed here");

const wheels = process.env["PIP_FIND_LINKS"];
const cpuTorch = wheels ? ["--find-links", wheels] : ["--torch-backend", "cpu"];
const common = ["--universal", "--python-version", "3.11", "--no-annotate", "--upgrade", "--quiet"];

/**
 * Each lock with the options that choose its torch. dev.in is held to the first by a constraint, and its lock
 * leaves torch out, because it is installed beside either.
 * @type {[string, string[]][]}
 */
const locks = [
  ["train-cpu", cpuTorch],
  ["train-gpu", []],
  ["dev", [...cpuTorch, "--no-emit-package", "torch"]],
];
for (const [name, source] of locks) {
  const args = ["pip", "compile", `${name}.in`, "--output-file", `${name}.lock`, ...common, ...source];
  const env = { ...process.env, UV_CUSTOM_COMPILE_COMMAND: "npm run lock" };
  const { status } = spawnSync(uv, args, { cwd: folder, env, stdio: "inherit" });
  if (status !== 0) throw new Error(`${name}.lock could not be resolved`);
}
