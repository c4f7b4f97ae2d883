import { RunError } from "../../sdk/failure/failure.js";
import type { ExitRecord, RunEvent, StoredEvent } from "../../sdk/run-folder/events.js";
import type { TornTail } from "../../sdk/run-folder/log-cursor.js";
import { runPaths } from "../../sdk/run-folder/run-paths.js";
import { BlobStore } from "./blobs.js";
import { EventLog, type TailLine } from "./event-log.js";
import { refuseFinished, setExitAside, writeExit } from "./exit.js";
import { Lease, type LeaseRequest } from "./lease.js";
import { keepReserve, spendReserve } from "./reserve.js";
import { StageCache } from "./stage-cache.js";

export interface OpenRunOptions extends LeaseRequest {
  readonly maxSegmentBytes?: number;
}

/**
 * Opens a run for writing: takes its lease, checks its log and sets an earlier failed or cancelled end aside.
 *
 * @throws RunError run_busy naming the process and host that write it; store_corrupt with segment and offset;
 *   data_refused for a run that has finished.
 */
export async function openRun(runDir: string, options: OpenRunOptions): Promise<RunStore> {
  await refuseFinished(runDir);
  const lease = await Lease.take(runDir, options);
  try {
    const log = await EventLog.open(runPaths(runDir).events, {
      epoch: lease.epoch,
      takenAway: async () => await lease.takenAway(),
      ...(options.maxSegmentBytes === undefined ? {} : { maxSegmentBytes: options.maxSegmentBytes }),
    });
    await setExitAside(runDir, log.last);
    await keepReserve(runDir);
    return new RunStore(runDir, lease, log);
  } catch (error) {
    await lease.release();
    throw error;
  }
}

/** One run, open for writing; made by {@link openRun}. */
export class RunStore implements AsyncDisposable {
  readonly runDir: string;
  /** Higher than that of every runner before: what a stale writer sends is known by it. */
  readonly epoch: number;
  readonly blobs: BlobStore;
  readonly cache: StageCache;
  /** Aborted when another runner has taken the run: stop. */
  readonly lost: AbortSignal;
  /** What a dead writer had left unfinished at the end of the log; it is cut off. */
  readonly cut: TornTail | undefined;
  readonly #lease: Lease;
  readonly #log: EventLog;

  constructor(runDir: string, lease: Lease, log: EventLog) {
    const paths = runPaths(runDir);
    this.runDir = runDir;
    this.epoch = lease.epoch;
    this.blobs = new BlobStore(paths.blobs);
    this.cache = new StageCache(paths.cache, this.blobs);
    this.lost = lease.lost;
    this.cut = log.cut;
    this.#lease = lease;
    this.#log = log;
  }

  /** Number of the last stored event; 0 for none. */
  get lastSeq(): number {
    return this.#log.seq;
  }

  /** {@link EventLog.append} */
  append(event: RunEvent): Promise<StoredEvent> {
    return this.#log.append(event);
  }

  /** {@link EventLog.stored} */
  stored(): Iterable<StoredEvent> {
    return this.#log.stored();
  }

  /** {@link EventLog.tail} */
  tail(afterSeq: number, signal: AbortSignal): AsyncIterable<TailLine> {
    return this.#log.tail(afterSeq, signal);
  }

  /**
   * Writes how the run ended, once. A run may fail or be cancelled without an event (the disk is full); it finishes only
   * with one, so that a log that lost its end is never taken for a finished run's.
   */
  async finish(exit: ExitRecord): Promise<void> {
    const takenAway = await this.#lease.takenAway();
    if (takenAway !== undefined) throw takenAway;
    const last = this.#log.last?.event.type;
    if (exit.epoch !== this.epoch || (exit.state === "finished" && last !== "run_finished"))
      throw new RunError({
        code: "internal",
        detail: `an end of epoch ${exit.epoch} (${exit.state}) after ${last ?? "no event"}, in epoch ${this.epoch}`,
      });
    await writeExit(this.runDir, exit);
  }

  /** Makes the room that was kept for the end of a run: call it when a full disk is why the run ends. */
  async spendReserve(): Promise<void> {
    await spendReserve(this.runDir);
  }

  /** Waits for what was appended, and gives the run back. */
  async close(): Promise<void> {
    await this.#log.close();
    await this.spendReserve();
    await this.#lease.release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
