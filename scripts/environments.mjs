// Where Longform keeps the Python environments that its engines run in. The one copy of this rule:
// the set-up script makes environments by it, runners start engines by it (as "#environments").
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of package.json, in a checkout as in an installed package. */
export const packageRoot = dirname(dirname(fileURLToPath(import.meta.url)));

/** Whether this is a checkout with sources; an installed package has only dist. */
export const isCheckout = existsSync(join(packageRoot, "sdk", "tsconfig.json"));

/**
 * The folder of everything that set-up makes: LONGFORM_HOME, else `.longform` in a checkout,
 * else `.local/share/longform` in the user's home.
 * @param {NodeJS.ProcessEnv} [variables]
 */
export function longformHome(variables = process.env) {
  const named = variables["LONGFORM_HOME"];
  if (named) return resolve(named);
  return isCheckout ? join(packageRoot, ".longform") : join(homedir(), ".local", "share", "longform");
}

/**
 * The environment variable that names an interpreter to use instead of the environment, e.g.
 * LONGFORM_TRAIN_PYTHON for `train`.
 * @param {string} name
 */
export function interpreterVariable(name) {
  return `LONGFORM_${name.toUpperCase()}_PYTHON`;
}

/**
 * The folder of the named environment that set-up makes.
 * @param {string} name
 * @param {NodeJS.ProcessEnv} [variables]
 */
export function environmentFolder(name, variables = process.env) {
  return join(longformHome(variables), "envs", name);
}

/**
 * The interpreter of the named environment. Says only where it belongs: whether it exists is the
 * caller's question, and its answer to "no" is `longform setup`.
 * @param {string} name
 * @param {NodeJS.ProcessEnv} [variables]
 */
export function environmentPython(name, variables = process.env) {
  return variables[interpreterVariable(name)] || join(environmentFolder(name, variables), "bin", "python");
}
