import { mkdirSync, rmSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { longformHome } from "../environments.mjs";
import { build } from "./build.mjs";
import { nodePackages } from "./node-packages.mjs";
import { SetupProblem } from "./problem.mjs";
import { alone } from "./process-lock.mjs";
import { trainEnvironment } from "./python-environment.mjs";

/**
 * @typedef {object} Context
 * @property {string | undefined} torch which torch the user asked for on the command line
 * @property {string} logFile
 * @property {NodeJS.ProcessEnv} variables
 *
 * @typedef {object} Work
 * @property {string} does the sentence that says what is missing and will be done
 * @property {number} downloadMegabytes
 * @property {number} diskMegabytes
 * @property {() => Promise<void>} run
 *
 * @callback InspectStep looks, cheaply, whether something is missing; undefined when nothing is
 * @param {Context} context
 * @returns {Work | undefined}
 *
 * @typedef {object} StepReport
 * @property {string} name
 * @property {"present" | "missing" | "done"} state
 * @property {string} [does]
 * @property {number} [downloadMegabytes]
 * @property {number} [seconds]
 */

/** @type {{ name: string, inspect: InspectStep }[]} */
const steps = [
  { name: "node-packages", inspect: nodePackages },
  { name: "build", inspect: build },
  { name: "python-train", inspect: trainEnvironment },
];

/** @param {Context} context */
function inspectAll(context) {
  return steps.map(({ name, inspect }) => ({ name, work: inspect(context) }));
}

/**
 * @param {string} folder
 * @param {number} neededMegabytes
 * @param {(folder: string) => number} freeBytes
 */
export function requireDisk(
  folder,
  neededMegabytes,
  freeBytes = (path) => statfsSync(path).bavail * statfsSync(path).bsize,
) {
  const freeMegabytes = Math.floor(freeBytes(folder) / 1e6);
  if (freeMegabytes >= neededMegabytes) return;
  throw new SetupProblem(
    `${folder} has ${freeMegabytes} MB free and ${neededMegabytes} MB are needed. Free some space, or name a folder on another disk by LONGFORM_HOME.`,
  );
}

/** @param {number} since milliseconds on the monotonic clock */
const secondsSince = (since) => Math.round(performance.now() - since) / 1000;

/**
 * Does what is missing, one step after another; only reports it when `check` is set.
 * @param {{ check?: boolean, torch?: string | undefined, variables?: NodeJS.ProcessEnv, say?: (line: string) => void }} options
 * @returns {Promise<StepReport[]>}
 */
export async function setUp({ check = false, torch, variables = process.env, say = () => {} }) {
  const home = longformHome(variables);
  const context = { torch, variables, logFile: join(home, "setup.log") };
  const found = inspectAll(context);
  if (check || found.every(({ work }) => !work)) {
    return found.map(({ name, work }) =>
      work
        ? { name, state: "missing", does: work.does, downloadMegabytes: work.downloadMegabytes }
        : { name, state: "present" },
    );
  }
  mkdirSync(home, { recursive: true });
  return alone(join(home, "setup.lock"), say, async () => {
    // Again: another set-up may have done it while this one waited.
    const todo = inspectAll(context);
    requireDisk(
      home,
      todo.reduce((sum, { work }) => sum + (work?.diskMegabytes ?? 0), 0),
    );
    rmSync(context.logFile, { force: true });
    /** @type {StepReport[]} */
    const reports = [];
    for (const { name, work } of todo) {
      if (!work) {
        reports.push({ name, state: "present" });
        continue;
      }
      const { does, downloadMegabytes } = work;
      say(`${does}${downloadMegabytes > 0 ? `, about ${downloadMegabytes} MB to download` : ""}`);
      const start = performance.now();
      await work.run();
      const seconds = secondsSince(start);
      say(`  done in ${seconds.toFixed(1)} s`);
      reports.push({ name, state: "done", does, downloadMegabytes, seconds });
    }
    return reports;
  });
}
