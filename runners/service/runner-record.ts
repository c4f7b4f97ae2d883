import { rename, rm, writeFile } from "node:fs/promises";
import { type RunnerRecord, readRunnerRecord } from "../../sdk/client/runner-record.js";
import { runPaths } from "../../sdk/run-folder/run-paths.js";

/** Writes how clients reach this runner, for its owner's eyes alone. */
export async function announceRunner(runDir: string, record: RunnerRecord): Promise<void> {
  const path = runPaths(runDir).runner;
  await writeFile(`${path}.new`, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

/** Takes the announcement of one epoch away; that of a successor stays. */
export async function withdrawRunner(runDir: string, epoch: number): Promise<void> {
  if ((await readRunnerRecord(runDir))?.epoch === epoch) await rm(runPaths(runDir).runner, { force: true });
}
