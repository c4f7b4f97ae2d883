import { setTimeout as sleep } from "node:timers/promises";
import { RunnerClient } from "../../sdk/client/runner-client.js";
import { readRunnerRecord } from "../../sdk/client/runner-record.js";
import { type RunState, runState } from "../../sdk/run-folder/run-state.js";
import { leaveCancelIntent } from "../cancel-intent.js";

const POLL_MS = 50;
/** A runner that starts announces itself within this time. */
const ANNOUNCE_MS = 5_000;

/**
 * Asks the runner of a run to end it, or leaves the wish for its next runner.
 *
 * @returns Where the run stood before: only `running` and `interrupted` had anything to cancel.
 */
export async function cancelRun(runDir: string, reason: string): Promise<RunState> {
  const deadline = performance.now() + ANNOUNCE_MS;
  for (;;) {
    const state = await runState(runDir);
    if (state === "interrupted") await leaveCancelIntent(runDir, reason);
    if (state !== "running") return state;
    const runner = await readRunnerRecord(runDir);
    if (runner !== undefined) {
      try {
        await using client = await RunnerClient.open(runner);
        await client.cancel(reason);
        return state;
      } catch (error) {
        // It may have ended between the two looks.
        if (performance.now() > deadline) throw error;
      }
    }
    await sleep(POLL_MS);
  }
}
