import { spawnSync } from "node:child_process";
import { SetupProblem } from "./problem.mjs";

export const oldestPython = [3, 11];

/**
 * @typedef {object} Interpreter
 * @property {string} command as it was named
 * @property {string} executable
 * @property {number[]} version
 * @property {string[]} missing those of the asked modules that it cannot find
 */

/**
 * Asks an interpreter for its version and for modules it lacks; undefined when it does not start.
 * @param {string} command
 * @param {string[]} modules
 * @param {NodeJS.ProcessEnv} variables
 * @returns {Interpreter | undefined}
 */
export function probePython(command, modules, variables = process.env) {
  const code = `
import importlib.util, json, sys
def lacks(name):
    try:
        return importlib.util.find_spec(name) is None
    except ImportError:
        return True
print(json.dumps({"executable": sys.executable, "version": list(sys.version_info[:3]), "missing": [name for name in sys.argv[1:] if lacks(name)]}))`;
  const probe = spawnSync(command, ["-c", code, ...modules], { encoding: "utf8", env: variables, timeout: 60_000 });
  if (probe.status !== 0) return undefined;
  try {
    return { command, ...JSON.parse(probe.stdout) };
  } catch {
    return undefined;
  }
}

/** @param {number[]} version */
export function isNewEnough([major = 0, minor = 0]) {
  const [wantedMajor = 0, wantedMinor = 0] = oldestPython;
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

/**
 * The interpreter that the environments are made with. 3.11 is the tested version, so it goes first.
 * @param {NodeJS.ProcessEnv} variables
 * @returns {Interpreter}
 */
export function findPython(variables = process.env) {
  const named = variables["LONGFORM_BOOTSTRAP_PYTHON"];
  const commands = named ? [named] : ["python3.11", "python3", "python3.12", "python3.13", "python3.14"];
  const seen = commands.flatMap((command) => probePython(command, ["venv", "ensurepip"], variables) ?? []);
  const usable = seen.find(({ version, missing }) => isNewEnough(version) && missing.length === 0);
  if (usable) return usable;
  const found = seen.map(
    ({ command, version, missing }) =>
      `${command} is ${version.join(".")}${missing.length > 0 ? ` without ${missing.join(" and ")}` : ""}`,
  );
  const facts = found.length > 0 ? found.join(", ") : `found none (tried ${commands.join(", ")})`;
  throw new SetupProblem(
    `Python 3.11 or newer with its venv module is needed: ${facts}. Install it (Debian: apt-get install python3 python3-venv), or name one by LONGFORM_BOOTSTRAP_PYTHON.`,
  );
}
