import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { RunnerRecord } from "../../sdk/client/runner-record.js";
import { runPaths } from "../../sdk/run-folder/run-paths.js";

/** Writes how clients reach this runner, for its owner's eyes alone; disposing takes it away, unless a successor has written its own. */
export async function announceRunner(runDir: string, record: RunnerRecord): Promise<AsyncDisposable> {
  const path = runPaths(runDir).runner;
  await writeFile(`${path}.new`, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 });
  await rename(`${path}.new`, path);
  return {
    async [Symbol.asyncDispose]() {
      const found = RunnerRecord.safeParse(JSON.parse(await readFile(path, "utf8").catch(() => "null")));
      if (found.success && found.data.epoch === record.epoch) await rm(path, { force: true });
    },
  };
}
