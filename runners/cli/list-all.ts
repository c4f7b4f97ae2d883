import { runsFolder } from "../../sdk/client/submit.js";
import { secondsText } from "../../sdk/report/numbers.js";
import { listRuns, type RunSummary } from "../../sdk/run-folder/list-runs.js";
import { ExitCode } from "./exit-code.js";
import { textTable } from "./text-table.js";

export interface ListOptions {
  readonly runs: string | undefined;
  readonly json: boolean;
}

/** Prints the runs of a folder. A damaged one is listed as such and does not hide the others. */
export async function listAll({ runs: given, json }: ListOptions): Promise<number> {
  const folder = runsFolder(given);
  const damaged: { id: string; detail: string }[] = [];
  const runs = await listRuns(folder, (id, error) => damaged.push({ id, detail: error.message }));
  if (json) {
    for (const run of [...damaged.map((one) => ({ ...one, state: "damaged" })), ...runs])
      process.stdout.write(`${JSON.stringify(run)}\n`);
    return ExitCode.done;
  }
  if (runs.length + damaged.length === 0) {
    process.stdout.write(`There are no runs in ${folder}.\n`);
    return ExitCode.done;
  }
  const rows = [...damaged.map(({ id, detail }) => [id, "damaged", detail, "", ""]), ...runs.map(rowOf)];
  process.stdout.write(`${textTable(["run", "state", "started", "time", "process"], rows, [0, 1, 2]).join("\n")}\n`);
  return ExitCode.done;
}

function rowOf({ id, state, started, seconds, pid }: RunSummary): string[] {
  const time = started === undefined ? "not yet" : started.toISOString().slice(0, 19).replace("T", " ");
  return [id, state, time, seconds === undefined ? "" : secondsText(seconds), pid === undefined ? "" : String(pid)];
}
