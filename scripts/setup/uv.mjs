import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { longformHome } from "../environments.mjs";
import { runLogged } from "./child-process.mjs";
import { SetupProblem } from "./problem.mjs";

const uvVersion = "0.13.9";

/**
 * The path of uv in a small environment of its own, installed from the Python registry when it is
 * not there; undefined where it cannot be had, for example on a system it has no wheel for.
 * @param {{ base: import("./python.mjs").Interpreter, logFile: string, variables?: NodeJS.ProcessEnv }} options
 */
export async function installUv({ base, logFile, variables = process.env }) {
  const folder = join(longformHome(variables), `uv-${uvVersion}`);
  const uv = join(folder, "bin", "uv");
  if (existsSync(uv)) return uv;
  const partial = `${folder}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(dirname(folder), { recursive: true });
  try {
    await runLogged("python -m venv", [base.executable, "-m", "venv", partial], { env: variables, logFile });
    const pip = [join(partial, "bin", "python"), "-m", "pip", "--disable-pip-version-check"];
    await runLogged("pip install uv", [...pip, "install", "--no-deps", `uv==${uvVersion}`], {
      env: variables,
      logFile,
    });
  } catch (problem) {
    rmSync(partial, { recursive: true, force: true });
    // Without a network or disk space pip would fail likewise, and later.
    if (problem instanceof SetupProblem && /cannot be reached|disk is full/.test(problem.message)) throw problem;
    return undefined;
  }
  renameSync(partial, folder);
  return uv;
}
