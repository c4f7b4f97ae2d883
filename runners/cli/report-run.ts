import { renderReport } from "../../sdk/report/index.js";
import { readReport } from "../../sdk/run-folder/read-report.js";
import { runPaths } from "../../sdk/run-folder/run-paths.js";
import { replaceFile } from "../store/durable-file.js";
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
  await replaceFile(report, renderReport(await readReport(runDir)));
  return await showOutcome(runDir, "finished", options);
}
