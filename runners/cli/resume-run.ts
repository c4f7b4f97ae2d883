import { basename } from "node:path";
import { start } from "../../sdk/client/start.js";
import { runState } from "../../sdk/run-folder/run-state.js";
import { ExitCode } from "./exit-code.js";
import { followRun, wayBack } from "./follow-run.js";
import { lastEventSeq } from "./last-event.js";
import { showOutcome } from "./outcome.js";
import { findRun } from "./run-reference.js";

export interface ResumeOptions {
  readonly run: string;
  readonly runs: string | undefined;
  readonly detach: boolean;
  readonly listen: string | undefined;
  readonly verbose: boolean;
  readonly json: boolean;
  readonly debug: boolean;
}

/** Starts a runner for a run that has not finished and shows what it does from here on. Returns the exit code. */
export async function resumeRun(options: ResumeOptions): Promise<number> {
  const { runs, detach, json, listen } = options;
  const runDir = await findRun(options.run, runs);
  const id = basename(runDir);
  const state = await runState(runDir);
  if (state === "finished") {
    if (!json) process.stdout.write(`${id} has finished: there is nothing left to do.\n`);
    return await showOutcome(runDir, state, options);
  }
  const startUnlessRunning = async () => {
    if (state !== "running") await start(runDir, { listen });
  };
  if (detach) {
    await startUnlessRunning();
    if (json)
      process.stdout.write(
        `${JSON.stringify({ run: id, folder: runDir, standing: state === "running" ? "running" : "unfinished" })}\n`,
      );
    else process.stdout.write(`${id} runs. To watch or to cancel it:\n${wayBack(runDir, runs)}\n`);
    return ExitCode.done;
  }
  if (!json) process.stdout.write(state === "running" ? `run ${id} runs already\n` : `run ${id} is taken up again\n`);
  const afterSeq = state === "running" ? 0 : lastEventSeq(runDir);
  return await followRun(runDir, { ...options, afterSeq }, startUnlessRunning);
}
