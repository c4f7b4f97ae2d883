// Formats the project, or the files and folders that are named (`npm run format -- sdk`).
import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { nodeProgram } from "./checks/command.mjs";
import { environmentPython, packageRoot } from "./environments.mjs";

/** @param {string[]} command */
function run([program = "", ...args]) {
  return spawnSync(program, args, { cwd: packageRoot, stdio: "inherit" }).status ?? 1;
}

const paths = process.argv.slice(2);
// ruff takes every file that it is given for Python.
const mayHoldPython = (/** @type {string} */ path) =>
  /\.pyi?$/.test(path) || statSync(join(packageRoot, path)).isDirectory();
const pythonPaths = paths.length === 0 ? ["python-worker"] : paths.filter(mayHoldPython);
const ruff = [
  environmentPython("train"),
  "-m",
  "ruff",
  "format",
  "--quiet",
  "--config",
  "python-worker/pyproject.toml",
];

const biome = run([...nodeProgram("biome"), "format", "--write", "--no-errors-on-unmatched", ...paths]);
const python = pythonPaths.length === 0 ? 0 : run([...ruff, "--force-exclude", ...pythonPaths]);
process.exitCode = Math.max(biome, python);
