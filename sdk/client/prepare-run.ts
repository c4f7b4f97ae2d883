import { link, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { canonicalJson, toJson } from "../experiment/canonical-json.js";
import { RunError } from "../failure/failure.js";
import { runPaths } from "../run-folder/run-paths.js";
import type { FrozenExperiment } from "./freeze.js";

/**
 * Makes the folder of a run: captured code first, the frozen spec last, so that a folder with a spec is whole.
 *
 * @throws RunError spec_refused when the folder holds a run already.
 */
export async function prepareRun(runDir: string, { experiment, code }: FrozenExperiment): Promise<void> {
  const paths = runPaths(runDir);
  await mkdir(paths.code, { recursive: true });
  for (const bundle of code) await writeFile(join(paths.code, `${bundle.sha256}.mjs`), bundle.code);
  const written = `${paths.spec}.${process.pid}`;
  await writeFile(written, `${canonicalJson(toJson(experiment))}\n`);
  try {
    await link(written, paths.spec);
  } catch (error) {
    throw new RunError(
      {
        code: "spec_refused",
        facts: {
          file: paths.spec,
          found: "a run that was prepared already",
          expected: "a folder of its own for each run",
        },
      },
      { cause: error },
    );
  } finally {
    await rm(written);
  }
}
