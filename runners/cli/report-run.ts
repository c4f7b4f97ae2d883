import { rename, writeFile } from "node:fs/promises";
import { renderReport } from "../../sdk/report/index.js";
import { readReport } from "../../sdk/run-folder/read-report.js";
import { runPaths } from "../../sdk/run-folder/run-paths.js";
import { showOutcome } from "./outcome.js";
import { findRun } from "./run-reference.js";

export interface ReportOptions {
  readonly run: string;
  readonly runs: string | undefined;
  readonly json: boolean;
  readonly debug: boolean;
}

/**
 * Writes `report.html` of a finished run from its folder alone, and prints its scores.
 *
 * @throws RunError data_refused for a run without results.
 */
export async function reportRun(options: ReportOptions): Promise<number> {
  const runDir = await findRun(options.run, options.runs);
  const { report } = runPaths(runDir);
  const page = renderReport(await readReport(runDir));
  await writeFile(`${report}.new`, page);
  await rename(`${report}.new`, report);
  return await showOutcome(runDir, "finished", options);
}
