import { stat } from "node:fs/promises";
import { RunError } from "../failure/failure.js";
import { lastEvent } from "./last-event.js";
import { currentLease, holderState, leasePath } from "./lease-record.js";
import { readExit } from "./read-run.js";

/**
 * `interrupted`: no runner writes it and it has not ended; `preempted`: nor that, and its last runner left in good order,
 * with everything saved. `longform resume` goes on with both.
 */
export type RunState = "running" | "finished" | "failed" | "cancelled" | "preempted" | "interrupted";

/** Whether a run has come to its end; what has not may be cancelled or goes on. */
export function hasEnded(state: RunState): boolean {
  switch (state) {
    case "finished":
    case "failed":
    case "cancelled":
      return true;
    case "running":
    case "preempted":
    case "interrupted":
      return false;
  }
}

/** How often a lease may fail to be renewed before a glance calls its run interrupted. */
const GLANCE_LEASES = 4;

/**
 * Where a run stands, at a glance.
 *
 * For a runner on another machine this compares the lease's age with this machine's clock. That is good enough to
 * show, and for nothing else: who opens a run watches the lease instead.
 */
export async function runState(runDir: string): Promise<RunState> {
  const exit = await readExit(runDir);
  if (exit !== undefined) return exit.state;
  const lease = await currentLease(runDir);
  if (lease === undefined) return left(runDir);
  switch (holderState(lease)) {
    case "alive":
      return "running";
    case "dead":
      // It may have written its exit between the two looks.
      return (await readExit(runDir))?.state ?? left(runDir);
    case "unknown": {
      const renewed = (await stat(leasePath(runDir, lease.epoch))).mtimeMs;
      return Date.now() - renewed < GLANCE_LEASES * lease.leaseMs ? "running" : left(runDir);
    }
  }
}

/** How the last runner left a run that has not ended. */
function left(runDir: string): "preempted" | "interrupted" {
  try {
    return lastEvent(runDir)?.event.type === "run_preempted" ? "preempted" : "interrupted";
  } catch (error) {
    // Whoever reads the damaged log is told so.
    if (error instanceof RunError) return "interrupted";
    throw error;
  }
}
