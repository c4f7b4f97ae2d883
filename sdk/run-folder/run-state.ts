import { stat } from "node:fs/promises";
import { currentLease, holderState, leasePath } from "./lease-record.js";
import { readExit } from "./read-run.js";

/** `interrupted`: no runner writes it and it has not ended; `longform resume` goes on with it. */
export type RunState = "running" | "finished" | "failed" | "cancelled" | "interrupted";

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
  if (lease === undefined) return "interrupted";
  switch (holderState(lease)) {
    case "alive":
      return "running";
    case "dead":
      // It may have written its exit between the two looks.
      return (await readExit(runDir))?.state ?? "interrupted";
    case "unknown": {
      const renewed = (await stat(leasePath(runDir, lease.epoch))).mtimeMs;
      return Date.now() - renewed < GLANCE_LEASES * lease.leaseMs ? "running" : "interrupted";
    }
  }
}
