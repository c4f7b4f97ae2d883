import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { canonicalJson, toJson } from "../experiment/canonical-json.js";
import { SpecError } from "../experiment/spec-error.js";
import { findMismatches } from "../plan/findings.js";
import { listRuns, type RunSummary } from "../run-folder/list-runs.js";
import { runPaths } from "../run-folder/run-paths.js";
import type { Experiment } from "../spec/experiment.js";
import { freeze } from "./freeze.js";
import { prepareRun } from "./prepare-run.js";

/** Where runs lie: the folder that is given, else `LONGFORM_RUNS`, else `runs` below the working folder. */
export function runsFolder(given?: string): string {
  return resolve(given ?? process.env["LONGFORM_RUNS"] ?? "runs");
}

export interface SubmitOptions {
  /** Folder of the runs; {@link runsFolder} says what stands in for it. */
  readonly runs?: string | undefined;
  /** Folder that relative paths of the spec start from. */
  readonly base?: string | undefined;
}

/** A run that is ready to be started or watched. */
export interface SubmittedRun {
  readonly runDir: string;
  /** `new`; `unfinished`, an earlier run of the same spec that is taken up again; `running`, one that still runs. */
  readonly standing: "new" | "unfinished" | "running";
}

/**
 * Freezes an experiment into the folder of a run. A run of the very same spec that has not finished is taken up
 * instead of making another one.
 *
 * @throws SpecError naming every field that does not fit.
 */
export async function submit(experiment: Experiment, { runs, base }: SubmitOptions = {}): Promise<SubmittedRun> {
  const mismatches = findMismatches(experiment);
  if (mismatches.length > 0) throw new SpecError(mismatches);
  const frozen = await freeze(experiment, base ?? process.cwd());
  const folder = runsFolder(runs);
  const earlier = await unfinishedRun(folder, frozen.experiment);
  if (earlier !== undefined)
    return { runDir: earlier.folder, standing: earlier.state === "running" ? "running" : "unfinished" };
  const runDir = join(folder, runId(experiment.name, new Date()));
  await prepareRun(runDir, frozen);
  return { runDir, standing: "new" };
}

async function unfinishedRun(folder: string, experiment: Experiment): Promise<RunSummary | undefined> {
  const text = `${canonicalJson(toJson(experiment))}\n`;
  for (const run of (await listRuns(folder)).toReversed()) {
    if (run.experiment !== experiment.name || run.state === "finished" || run.state === "cancelled") continue;
    if ((await readFile(runPaths(run.folder).spec, "utf8")) === text) return run;
  }
  return undefined;
}

/** `<experiment>-<yyyymmdd>-<hhmmss>-<4 hex>`, in UTC. */
function runId(experiment: string, now: Date): string {
  const [day = "", time = ""] = now.toISOString().split("T");
  return `${experiment}-${day.replaceAll("-", "")}-${time.slice(0, 8).replaceAll(":", "")}-${randomBytes(2).toString("hex")}`;
}
