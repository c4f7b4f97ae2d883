import { rm } from "node:fs/promises";
import { type RunnerRecord, readRunnerRecord } from "../../sdk/client/runner-record.js";
import { runPaths } from "../../sdk/run-folder/run-paths.js";
import { replaceFile } from "../store/durable-file.js";

/** Writes how clients reach this runner, for its owner's eyes alone. */
export async function announceRunner(runDir: string, record: RunnerRecord): Promise<void> {
  await replaceFile(runPaths(runDir).runner, `${JSON.stringify(record, null, 2)}\n`, 0o600);
}

/** Takes the announcement of one epoch away; that of a successor stays. */
export async function withdrawRunner(runDir: string, epoch: number): Promise<void> {
  if ((await readRunnerRecord(runDir))?.epoch === epoch) await rm(runPaths(runDir).runner, { force: true });
}
