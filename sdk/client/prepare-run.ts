import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { canonicalJson, toJson } from "../experiment/canonical-json.js";
import { RunError } from "../failure/failure.js";
import { errno } from "../run-folder/errno.js";
import { runPaths } from "../run-folder/run-paths.js";
import type { FrozenExperiment } from "./freeze.js";

/**
 * Makes the folder of a run: captured code first, the frozen spec last, so that a folder with a spec is whole. A folder
 * with the very same spec stays as it is: a scheduler that starts its job again takes the run up.
 *
 * @throws RunError spec_refused when the folder holds a run of another spec.
 */
export async function prepareRun(runDir: string, { experiment, code }: FrozenExperiment): Promise<void> {
  const paths = runPaths(runDir);
  await mkdir(paths.code, { recursive: true });
  for (const bundle of code) await writeFile(join(paths.code, `${bundle.sha256}.mjs`), bundle.code);
  const written = `${paths.spec}.${process.pid}`;
  const text = `${canonicalJson(toJson(experiment))}\n`;
  await writeFile(written, text);
  try {
    await link(written, paths.spec);
  } catch (error) {
    if (errno(error) !== "EEXIST") throw error;
    if ((await readFile(paths.spec, "utf8")) === text) return;
    throw new RunError(
      {
        code: "spec_refused",
        facts: {
          file: paths.spec,
          found: "a run of another spec",
          expected: "the same spec, or another folder",
        },
      },
      { cause: error },
    );
  } finally {
    await rm(written);
  }
}
