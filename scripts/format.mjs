// Formats the project, or the files and folders that are named (`npm run format -- sdk`).
import { spawnSync } from "node:child_process";
import { nodeProgram } from "./checks/command.mjs";
import { environmentPython, packageRoot } from "./environments.mjs";

const paths = process.argv.slice(2);
const [node = "", biome = ""] = nodeProgram("biome");
const ruff = ["-m", "ruff", "format", "--quiet", "--force-exclude", "--config", "python-worker/pyproject.toml"];
const runs = [
  spawnSync(node, [biome, "format", "--write", "--no-errors-on-unmatched", ...paths], {
    cwd: packageRoot,
    stdio: "inherit",
  }),
  spawnSync(environmentPython("train"), [...ruff, ...(paths.length > 0 ? paths : ["python-worker"])], {
    cwd: packageRoot,
    stdio: "inherit",
  }),
];
process.exitCode = Math.max(...runs.map(({ status }) => status ?? 1));
