import { join } from "node:path";
import { environmentPython, packageRoot } from "../environments.mjs";
import { complaints, nodeProgram } from "./command.mjs";

const worker = join(packageRoot, "python-worker");

/** @param {string[]} args */
const ruff = (args) => complaints([environmentPython("train"), "-m", "ruff", ...args, "."], worker);

export function pythonFormatCheck() {
  const files = ruff(["format", "--check"]).flatMap((line) => line.match(/-->\s*(\S+\.pyi?)/)?.[1] ?? []);
  return [...new Set(files)].map((file) => `python-worker/${file}: not formatted: npm run format`);
}

export const pythonLintCheck = () => ruff(["check", "--quiet", "--output-format=concise"]);

export function pythonTypesCheck() {
  return complaints([...nodeProgram("pyright"), "--pythonpath", environmentPython("train")], worker);
}
