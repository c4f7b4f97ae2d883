import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { RunError } from "../failure/failure.js";
import { absent } from "./errno.js";
import { processSpace, startTicks } from "./process-identity.js";
import { runPaths } from "./run-paths.js";

/**
 * Who writes a run. There is one file for each epoch, made once and never replaced by another holder's: making it is
 * taking the lease. Its modification time moves while the holder lives.
 */
export const LeaseRecord = z
  .strictObject({
    format: z.literal(1),
    epoch: z.number().int().min(1),
    host: z.string(),
    pid: z.number().int().min(1),
    startTicks: z.number().int().optional(),
    processSpace: z.string().optional(),
    leaseMs: z.number().min(1),
    version: z.string(),
    time: z.iso.datetime(),
    released: z.boolean(),
  })
  .readonly();
export type LeaseRecord = z.output<typeof LeaseRecord>;

/** The file of an epoch's lease. */
export function leasePath(runDir: string, epoch: number): string {
  return join(runPaths(runDir).leases, `${String(epoch).padStart(6, "0")}.json`);
}

/**
 * The lease of the highest epoch, which is the one that counts; undefined when the run was never opened.
 *
 * @throws RunError store_corrupt when its file is damaged.
 */
export async function currentLease(runDir: string): Promise<LeaseRecord | undefined> {
  const names = (await readdir(runPaths(runDir).leases).catch(absent)) ?? [];
  const epochs = names.flatMap((name) => (/^\d{6,}\.json$/.test(name) ? [Number.parseInt(name, 10)] : []));
  if (epochs.length === 0) return undefined;
  const path = leasePath(runDir, Math.max(...epochs));
  const text = await readFile(path, "utf8");
  try {
    return LeaseRecord.parse(JSON.parse(text));
  } catch (error) {
    const facts = {
      file: path,
      found: text.slice(0, 80),
      expected: "a lease; when no runner of this run lives anywhere, delete the file",
    };
    throw new RunError({ code: "store_corrupt", detail: "a lease cannot be read", facts }, { cause: error });
  }
}

/** What can be known of a lease's holder at once: `unknown` when it is, or was, on another machine. */
export function holderState(lease: LeaseRecord): "alive" | "dead" | "unknown" {
  if (lease.released) return "dead";
  const here = processSpace();
  if (here === undefined || lease.processSpace !== here) return "unknown";
  return startTicks(lease.pid) === lease.startTicks && lease.startTicks !== undefined ? "alive" : "dead";
}
