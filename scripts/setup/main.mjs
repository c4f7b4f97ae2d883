import { parseArgs } from "node:util";
import { SetupProblem } from "./problem.mjs";
import { setUp } from "./steps.mjs";

const help = `Installs what is missing: Node packages, the compiled sources, the Python environment.

  npm run setup                    in a checkout
  longform setup                   in an installed package
  longform setup --torch cuda      torch with CUDA (also LONGFORM_TORCH; default auto: only where a device is)
  longform setup --check --json    report what is missing, change nothing

LONGFORM_TRAIN_PYTHON      an interpreter to use instead of making an environment
LONGFORM_BOOTSTRAP_PYTHON  the interpreter to make the environment with
LONGFORM_HOME              where to put it
PIP_FIND_LINKS             a folder or page of wheels to look into first

Exit codes: 0 ready, 1 something is missing (--check), 2 something you must change.`;

/** @param {string[]} args */
function options(args) {
  try {
    return parseArgs({
      args,
      options: {
        check: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        torch: { type: "string" },
        help: { type: "boolean", default: false },
      },
    }).values;
  } catch (cause) {
    const [what] = String(cause instanceof Error ? cause.message : cause).split("\n");
    throw new SetupProblem(`${what} Try --help.`, { cause });
  }
}

/**
 * The set-up command.
 * @param {string[]} args
 * @returns {Promise<number>} the exit code
 */
export async function main(args) {
  const json = args.includes("--json");
  const say = (/** @type {string} */ line) => console.error(`setup: ${line}`);
  const start = performance.now();
  try {
    const { check, torch, help: asked } = options(args);
    if (asked) {
      console.log(help);
      return 0;
    }
    const steps = await setUp({ check, torch, say });
    const missing = steps.filter(({ state }) => state === "missing");
    const seconds = Math.round(performance.now() - start) / 1000;
    if (json) console.log(JSON.stringify({ ok: missing.length === 0, steps, seconds }));
    else if (missing.length > 0) for (const { does } of missing) say(`to do: ${does}`);
    else
      say(
        steps.some(({ state }) => state === "done")
          ? `ready after ${seconds.toFixed(1)} s`
          : `nothing is missing (${seconds.toFixed(2)} s)`,
      );
    return missing.length > 0 ? 1 : 0;
  } catch (problem) {
    if (!(problem instanceof SetupProblem)) throw problem;
    if (json) console.log(JSON.stringify({ ok: false, problem: problem.message }));
    else say(problem.message);
    return 2;
  }
}
