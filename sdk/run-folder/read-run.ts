import { Experiment } from "../spec/experiment.js";
import { RunError } from "../failure/failure.js";
import { ExitRecord } from "./events.js";
import { readJsonFile } from "./json-file.js";
import { runPaths } from "./run-paths.js";

/**
 * The frozen spec of a run.
 *
 * @throws RunError store_corrupt when it is missing or damaged.
 */
export async function readSpec(runDir: string): Promise<Experiment> {
  const path = runPaths(runDir).spec;
  const spec = await readJsonFile(path, Experiment);
  if (spec !== undefined) return spec;
  throw new RunError({
    code: "store_corrupt",
    facts: { file: path, found: "nothing", expected: "the folder of a run, with its spec" },
  });
}

/** How the run ended; undefined while it has not. */
export async function readExit(runDir: string): Promise<ExitRecord | undefined> {
  return await readJsonFile(runPaths(runDir).exit, ExitRecord);
}
