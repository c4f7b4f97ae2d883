import { rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { RunError } from "../../sdk/failure/failure.js";
import type { ExitRecord, StoredEvent } from "../../sdk/run-folder/events.js";
import { readExit } from "../../sdk/run-folder/read-run.js";
import { runPaths } from "../../sdk/run-folder/run-paths.js";
import { createFile, syncFolder } from "./durable-file.js";

/**
 * Writes how a run ended. There is one end for each epoch.
 *
 * @throws RunError internal when it is written already: the first end stands.
 */
export async function writeExit(runDir: string, exit: ExitRecord): Promise<void> {
  const path = runPaths(runDir).exit;
  if (await createFile(path, `${JSON.stringify(exit)}\n`)) return;
  const first = await readExit(runDir);
  throw new RunError({
    code: "internal",
    detail: "a run ends once",
    facts: { file: path, found: exit.state, expected: first?.state ?? "nothing" },
  });
}

/**
 * Makes room for another try at a run that failed or was cancelled: its `exit.json` becomes `exit-<epoch>.json`.
 *
 * @param last The last stored event. A runner that died between its last event and its exit is helped to its exit here.
 * @throws RunError data_refused for a run that has finished.
 */
export async function setExitAside(runDir: string, last: StoredEvent | undefined): Promise<void> {
  const ended = last === undefined ? undefined : exitOf(last);
  if (ended !== undefined && (await readExit(runDir)) === undefined) await writeExit(runDir, ended);
  const exit = await refuseFinished(runDir);
  if (exit === undefined) return;
  await rename(runPaths(runDir).exit, join(runDir, `exit-${exit.epoch}.json`));
  await syncFolder(dirname(runPaths(runDir).exit));
}

/**
 * How the run ended, if it did.
 *
 * @throws RunError data_refused for a run that has finished.
 */
export async function refuseFinished(runDir: string): Promise<ExitRecord | undefined> {
  const exit = await readExit(runDir);
  if (exit?.state !== "finished") return exit;
  const facts = {
    file: runPaths(runDir).exit,
    found: `a run that finished at ${exit.time}`,
    expected: "a run that has not finished; start a new one",
  };
  throw new RunError({ code: "data_refused", detail: "the run has finished", facts });
}

function exitOf({ event, epoch, time }: StoredEvent): ExitRecord | undefined {
  if (event.type === "run_finished") return { state: "finished", epoch, time };
  if (event.type === "run_failed") return { state: "failed", epoch, time, failure: event.failure };
  if (event.type === "run_cancelled") return { state: "cancelled", epoch, time };
  return undefined;
}
