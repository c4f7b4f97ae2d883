import { mkdir, open, utimes } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";
import { RunError } from "../../sdk/failure/failure.js";
import { absent } from "../../sdk/run-folder/errno.js";
import { currentLease, holderState, type LeaseRecord, leasePath } from "../../sdk/run-folder/lease-record.js";
import { processSpace, startTicks } from "../../sdk/run-folder/process-identity.js";
import { runPaths } from "../../sdk/run-folder/run-paths.js";
import { createFile, replaceFile } from "./durable-file.js";

/** Who asks for a run. */
export interface LeaseRequest {
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  /** How long a holder on another machine may show no sign of life. */
  readonly leaseMs?: number;
  /** Which processes this machine can see; given only to stand for another machine. */
  readonly processSpace?: string | undefined;
  /** Ends the wait for a holder on another machine. */
  readonly signal?: AbortSignal;
}

const LEASE_MS = 15_000;
/** Renewals in the time after which a holder that shows none is given up. */
const RENEWALS = 5;

/** The right to write a run. Whoever holds a later epoch's has taken it away. */
export class Lease implements AsyncDisposable {
  readonly epoch: number;
  readonly #runDir: string;
  readonly #record: LeaseRecord;
  readonly #lost = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #renewal: Promise<void> = Promise.resolve();

  private constructor(runDir: string, record: LeaseRecord) {
    this.#runDir = runDir;
    this.#record = record;
    this.epoch = record.epoch;
    const renew = (): void => {
      this.#renewal = this.#renew();
    };
    this.#timer = setInterval(renew, record.leaseMs / RENEWALS).unref();
  }

  /**
   * Takes the lease of a run. A holder on this machine is known to live or not; one on another machine is watched, for
   * as long as its lease lasts on this machine's monotonic clock. No two clocks are compared.
   *
   * @throws RunError run_busy naming the process id and host of the holder.
   */
  static async take(runDir: string, request: LeaseRequest): Promise<Lease> {
    await mkdir(runPaths(runDir).leases, { recursive: true });
    for (;;) {
      const current = await currentLease(runDir);
      if (current !== undefined) await awaitAbandoned(runDir, current, request.signal);
      const record = newRecord((current?.epoch ?? 0) + 1, request);
      // Exactly one contender makes the file of an epoch; the others look again and find its holder.
      if (await createFile(leasePath(runDir, record.epoch), leaseText(record))) return new Lease(runDir, record);
    }
  }

  /** Aborted, with a RunError run_busy, once another runner is known to hold the run. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** The failure that names who holds the run now; undefined while it is this lease. */
  async takenAway(): Promise<RunError | undefined> {
    const next = await open(leasePath(this.#runDir, this.epoch + 1), "r").catch(absent);
    if (next === undefined) return undefined;
    await next.close();
    const holder = await currentLease(this.#runDir);
    const failure = busy(this.#runDir, holder ?? this.#record);
    this.#lost.abort(failure);
    return failure;
  }

  /** Gives the run back. Where that cannot be written down, a successor on another machine waits until the lease runs out. */
  async release(): Promise<void> {
    clearInterval(this.#timer);
    await this.#renewal;
    const text = leaseText({ ...this.#record, released: true });
    await replaceFile(leasePath(this.#runDir, this.epoch), text).catch(() => undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  async #renew(): Promise<void> {
    try {
      const now = new Date();
      await utimes(leasePath(this.#runDir, this.epoch), now, now);
      await this.takenAway();
    } catch {
      // The file system is away for now. A successor that sees no renewal will take the run, and every append asks first.
    }
  }
}

function leaseText(record: LeaseRecord): string {
  return `${JSON.stringify(record)}\n`;
}

function newRecord(epoch: number, request: LeaseRequest): LeaseRecord {
  const space = request.processSpace ?? processSpace();
  const start = startTicks(request.pid);
  return {
    format: 1,
    epoch,
    host: request.host,
    pid: request.pid,
    ...(start === undefined ? {} : { startTicks: start }),
    ...(space === undefined ? {} : { processSpace: space }),
    leaseMs: request.leaseMs ?? LEASE_MS,
    version: request.version,
    time: new Date().toISOString(),
    released: false,
  };
}

/** Returns when the holder is gone; throws as soon as it is known to live. */
async function awaitAbandoned(runDir: string, lease: LeaseRecord, signal: AbortSignal | undefined): Promise<void> {
  switch (holderState(lease)) {
    case "dead":
      return;
    case "alive":
      throw busy(runDir, lease);
    case "unknown": {
      const before = await renewalMark(runDir, lease.epoch);
      const deadline = performance.now() + lease.leaseMs;
      while (performance.now() < deadline) {
        await setTimeout(lease.leaseMs / RENEWALS / 2, undefined, signal === undefined ? {} : { signal });
        if ((await renewalMark(runDir, lease.epoch)) !== before) throw busy(runDir, lease);
      }
    }
  }
}

/** Changes with every renewal. The file is opened because that makes a network file system ask its server. */
async function renewalMark(runDir: string, epoch: number): Promise<bigint> {
  const file = await open(leasePath(runDir, epoch), "r");
  try {
    return (await file.stat({ bigint: true })).mtimeNs;
  } finally {
    await file.close();
  }
}

function busy(runDir: string, holder: LeaseRecord): RunError {
  return new RunError({
    code: "run_busy",
    detail: `process ${holder.pid} on ${holder.host} runs it`,
    facts: { run: runDir, pid: holder.pid, host: holder.host, epoch: holder.epoch, version: holder.version },
  });
}
