import { link, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { canonicalJson, type JsonValue, toJson } from "../experiment/canonical-json.js";
import { firstDifference } from "../experiment/first-difference.js";
import { RunError } from "../failure/failure.js";
import { absent, errno } from "../run-folder/errno.js";
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
  const spec = toJson(experiment);
  const text = `${canonicalJson(spec)}\n`;
  const held = await readFile(paths.spec, "utf8").catch(absent);
  if (held !== undefined) return refuseOther(paths.spec, held, spec);
  await mkdir(paths.code, { recursive: true });
  for (const bundle of code) {
    // Whoever prepares the same run at the same time may be reading it already.
    const written = join(paths.code, `.${bundle.sha256}.${process.pid}`);
    await writeFile(written, bundle.code);
    await rename(written, join(paths.code, `${bundle.sha256}.mjs`));
  }
  const written = `${paths.spec}.${process.pid}`;
  await writeFile(written, text);
  try {
    await link(written, paths.spec);
  } catch (error) {
    if (errno(error) !== "EEXIST") throw error;
    refuseOther(paths.spec, await readFile(paths.spec, "utf8"), spec);
  } finally {
    await rm(written);
  }
}

function refuseOther(file: string, held: string, spec: JsonValue): void {
  if (held === `${canonicalJson(spec)}\n`) return;
  throw new RunError({
    code: "spec_refused",
    detail: howItDiffers(held, spec),
    facts: {
      file,
      found: "a run of another spec",
      expected: "the same spec, or another folder",
      hint: "Leave --spec out to take the run up as it was frozen, or choose a new folder.",
    },
  });
}

function howItDiffers(held: string, spec: JsonValue): string | undefined {
  try {
    return `what differs first: ${firstDifference(toJson(JSON.parse(held)), spec) ?? "white space"}`;
  } catch {
    // What lies there is no JSON.
    return undefined;
  }
}
