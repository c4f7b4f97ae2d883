import { RpcError } from "../../sdk/client/grpc.js";
import { RunnerClient } from "../../sdk/client/runner-client.js";
import { readRunnerRecord } from "../../sdk/client/runner-record.js";
import { hasEnded, type RunState, runState } from "../../sdk/run-folder/run-state.js";
import { leaveCancelIntent, withdrawCancelIntent } from "../cancel-intent.js";

/**
 * Asks the runner of a run to end it. A wish that reaches no runner is left in the run's folder, where the living
 * runner finds it within a second or two and otherwise the next one.
 *
 * @returns Where the run stood: one that had ended had nothing to cancel.
 */
export async function cancelRun(runDir: string, reason: string): Promise<RunState> {
  const state = await runState(runDir);
  if (hasEnded(state)) return state;
  if (state === "running" && (await askRunner(runDir, reason))) return state;
  await leaveCancelIntent(runDir, reason);
  // A runner may have taken the run up, or ended it, between the first look and the wish.
  const after = await runState(runDir);
  if (hasEnded(after)) await withdrawCancelIntent(runDir);
  return after;
}

/** Whether the runner has heard the wish, whatever it makes of it. */
async function askRunner(runDir: string, reason: string): Promise<boolean> {
  const runner = await readRunnerRecord(runDir);
  if (runner === undefined) return false;
  try {
    await using client = await RunnerClient.open(runner);
    await client.cancel(reason);
    return true;
  } catch (error) {
    if (error instanceof RpcError) return false;
    throw error;
  }
}
