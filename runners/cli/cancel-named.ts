import { basename } from "node:path";
import { attach } from "../../sdk/client/attach.js";
import { hasEnded, type RunState } from "../../sdk/run-folder/run-state.js";
import { cancelRun } from "./cancel-run.js";
import { ExitCode } from "./exit-code.js";
import { lastEventSeq } from "./last-event.js";
import { findRun } from "./run-reference.js";

export interface CancelOptions {
  readonly run: string;
  readonly runs: string | undefined;
  readonly reason: string;
  readonly json: boolean;
}

/** Longest wait for a run to end after it was told to. */
const END_DEADLINE_MS = 60_000;

/** Cancels a run and waits until nothing of it is left. Cancelling one that has ended changes nothing. */
export async function cancelNamed({ run, runs, reason, json }: CancelOptions): Promise<number> {
  const runDir = await findRun(run, runs);
  let before = await cancelRun(runDir, reason);
  let state = before;
  if (before === "running") {
    state = await attach(runDir, lastEventSeq(runDir), () => {}, AbortSignal.timeout(END_DEADLINE_MS));
    // The runner was stopped or killed before it had ended the run: the wish waits for the next one.
    if (state !== "running" && !hasEnded(state)) before = state = await cancelRun(runDir, reason);
  }
  if (json) process.stdout.write(`${JSON.stringify({ run: basename(runDir), before, state })}\n`);
  else process.stdout.write(`${sentence(basename(runDir), before, state)}\n`);
  return state === "running" ? ExitCode.lost : ExitCode.done;
}

function sentence(id: string, before: RunState, state: RunState): string {
  if (before !== "running" && !hasEnded(before))
    return `No runner has ${id}: the next one that takes it up will end it at once.`;
  if (before !== "running") return `${id} had already ended: ${before}.`;
  if (state === "running") return `${id} was told to end and has not ended yet.`;
  return state === "cancelled" ? `${id} was cancelled.` : `${id} had just ended: ${state}.`;
}
