import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { environmentPython, packageRoot } from "#environments";

const worker = join(packageRoot, "python-worker");

/** Runs one of python-worker/benches with one thread; returns the JSON of its last line. */
export async function pythonProgram(name: string, args: readonly string[]): Promise<unknown> {
  const { stdout } = await promisify(execFile)(
    environmentPython("train"),
    [join(worker, "benches", `${name}.py`), ...args],
    { env: { ...process.env, ...benchVariables }, maxBuffer: 64 * 1024 * 1024 },
  );
  return JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "");
}

/** The Python packages of the project, nothing fetched, one thread. */
export const benchVariables = {
  PYTHONPATH: [join(worker, "src"), join(worker, "tests")].join(":"),
  HF_HUB_OFFLINE: "1",
  TOKENIZERS_PARALLELISM: "false",
  OMP_NUM_THREADS: "1",
};
