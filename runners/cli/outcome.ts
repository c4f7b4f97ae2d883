import { basename } from "node:path";
import { outcomeOf, type RunOutcome } from "../../sdk/client/run.js";
import { failureMessage } from "../../sdk/failure/failure-message.js";
import { readEvents } from "../../sdk/run-folder/read-events.js";
import type { RunState } from "../../sdk/run-folder/run-state.js";
import { ExitCode, exitCodeOf } from "./exit-code.js";
import { runCommandText } from "./invocation.js";
import { scoreTable } from "./score-table.js";

export interface OutcomeOptions {
  readonly json: boolean;
  readonly debug: boolean;
  readonly runs: string | undefined;
}

/** Tells how a run came out: scores and paths of a finished one, the reason of a failed one. Returns the exit code. */
export async function showOutcome(runDir: string, state: RunState, options: OutcomeOptions): Promise<number> {
  const outcome = await outcomeOf(runDir, state);
  if (options.json) process.stdout.write(`${JSON.stringify({ outcome })}\n`);
  else if (state === "finished") process.stdout.write(finishedText(outcome));
  else process.stderr.write(await endedText(outcome, options));
  switch (state) {
    case "running":
    case "finished":
      return ExitCode.done;
    case "failed":
      return outcome.failure === undefined ? ExitCode.failed : exitCodeOf(outcome.failure.code);
    case "cancelled":
      return ExitCode.cancelled;
    case "preempted":
      return ExitCode.preempted;
    case "interrupted":
      return ExitCode.lost;
  }
}

function finishedText({ results, report, runDir }: RunOutcome): string {
  const table = scoreTable(results?.benches ?? []);
  const lines = [...(table.length === 0 ? [] : ["", ...table, ""]), `report  ${report ?? ""}`, `run     ${runDir}`];
  return `${lines.join("\n")}\n`;
}

async function endedText({ id, runDir, state, failure }: RunOutcome, { debug, runs }: OutcomeOptions): Promise<string> {
  const command = (verb: string) => runCommandText(verb, runDir, runs);
  if (state === "cancelled") return `${id} was cancelled. To take it up again:\n  ${command("resume")}\n`;
  if (state === "preempted" && failure !== undefined)
    return `\n${id} was preempted.\n${failureMessage(failure, { command, debug })}\n`;
  if (state !== "failed" || failure === undefined)
    return `The runner of ${id} is gone and the run has not ended. To take it up where it stopped:\n  ${command("resume")}\n`;
  const stage = await failedStage(runDir);
  return `\n${basename(runDir)} failed${stage === undefined ? "" : ` in ${stage}`}.\n${failureMessage(failure, { command, debug })}\n`;
}

async function failedStage(runDir: string): Promise<string | undefined> {
  let stage: string | undefined;
  for await (const { event } of readEvents(runDir, 0)) if (event.type === "run_failed") stage = event.stage;
  return stage;
}
