import { mkdir, truncate } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import { RunError } from "../../sdk/failure/failure.js";
import { type EncodedLine, encodeLine, parseEvent } from "../../sdk/run-folder/event-line.js";
import { RunEvent, type StoredEvent } from "../../sdk/run-folder/events.js";
import { LogCursor, type TornTail } from "../../sdk/run-folder/log-cursor.js";
import { segmentOf } from "../../sdk/run-folder/segments.js";
import { writeError } from "./disk-full.js";
import { SegmentWriter } from "./segment-writer.js";

/** What an event log needs to know. */
export interface EventLogOptions {
  readonly epoch: number;
  /** Asked after every write and before any event of it counts: why this writer has lost the run, if it has. */
  readonly takenAway: () => Promise<RunError | undefined>;
  /** A segment that has reached this size is followed by a new one. */
  readonly maxSegmentBytes?: number;
}

/** A stored line for watchers. */
export interface TailLine {
  readonly seq: number;
  /** JSON of the {@link StoredEvent}. */
  readonly line: string;
}

interface Waiting {
  readonly event: RunEvent;
  /** Milliseconds of the clock. */
  readonly time: number;
  readonly resolve: (stored: StoredEvent) => void;
  readonly reject: (error: unknown) => void;
}

const MAX_SEGMENT_BYTES = 64 * 1024 * 1024;
/** Bounds what one write keeps in memory; large enough for the wait for the disk to be small beside the encoding. */
const MAX_GROUP_EVENTS = 5_000;
/** Lines read between two chances for other work of this process. */
const LINES_AT_ONCE = 1_000;

/** The one writer of a run's events. An event counts once its `append` has resolved: then the disk has it. */
export class EventLog implements AsyncDisposable {
  /** What was cut off the log when it was opened: the beginning of a line, whose event never counted. */
  readonly cut: TornTail | undefined;
  readonly #folder: string;
  readonly #options: EventLogOptions;
  readonly #watchers = new Set<() => void>();
  #queue: Waiting[] = [];
  #segment: SegmentWriter | undefined;
  #seq: number;
  #hash: string;
  #last: StoredEvent | undefined;
  #flushing: Promise<void> | undefined;
  #ended: Error | undefined;

  private constructor(folder: string, options: EventLogOptions, end: LogCursor, last: StoredEvent | undefined) {
    this.#folder = folder;
    this.#options = options;
    this.#seq = end.seq;
    this.#hash = end.hash;
    this.#last = last;
    this.cut = end.torn;
  }

  /**
   * Checks every line and cuts off what a dead writer left unfinished.
   *
   * @throws RunError store_corrupt with segment and offset.
   */
  static async open(folder: string, options: EventLogOptions): Promise<EventLog> {
    await mkdir(folder, { recursive: true });
    const cursor = new LogCursor(folder, 0);
    let last: string | undefined;
    for (const line of cursor.advance()) {
      last = line.json();
      if (line.seq % LINES_AT_ONCE === 0) await setImmediate();
    }
    if (cursor.torn !== undefined) await truncate(cursor.torn.path, cursor.torn.offset);
    return new EventLog(folder, options, cursor, last === undefined ? undefined : parseEvent(last));
  }

  /** Number of the last event that counts; 0 for none. */
  get seq(): number {
    return this.#seq;
  }

  /** The last event that counts. */
  get last(): StoredEvent | undefined {
    return this.#last;
  }

  /**
   * Stores an event. Events are stored in the order of the calls; calls made while the disk works share one write.
   *
   * @throws RunError disk_full: the event is not stored, a later one may be; run_busy: another runner has the run.
   */
  append(event: RunEvent): Promise<StoredEvent> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(this.#ended);
      this.#queue.push({ event: RunEvent.parse(event), time: Date.now(), resolve, reject });
      this.#flushing ??= this.#flush();
    });
  }

  /** Every event that counts, from the first. */
  *stored(): Generator<StoredEvent> {
    for (const line of new LogCursor(this.#folder, 0).advance(this.#seq)) yield parseEvent(line.json());
  }

  /** Every event that counts after a number, then each new one, until the signal or the end of the log's writer. */
  async *tail(afterSeq: number, signal: AbortSignal): AsyncGenerator<TailLine> {
    const cursor = new LogCursor(this.#folder, afterSeq);
    while (!signal.aborted) {
      for (const line of cursor.advance(this.#seq)) {
        yield { seq: line.seq, line: line.json() };
        if (signal.aborted) return;
        if (line.seq % LINES_AT_ONCE === 0) await setImmediate();
      }
      if (cursor.seq >= this.#seq) {
        if (this.#ended !== undefined) return;
        await this.#growth(signal);
      }
    }
  }

  /** Waits for what was appended; the log takes no more. */
  async close(): Promise<void> {
    await this.#flushing;
    this.#ended ??= new RunError({ code: "internal", detail: "an event came after the log was closed" });
    this.#wake();
    await this.#segment?.close();
    this.#segment = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #flush(): Promise<void> {
    // Everything that is appended in this turn joins the first group.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const group = this.#queue.splice(0, MAX_GROUP_EVENTS);
      try {
        await this.#commit(group);
      } catch (error) {
        // After a full disk the log goes on; what was to follow the refused events is refused too, so that none is
        // missing in the middle. After anything else nobody knows what the disk has.
        if (!(error instanceof RunError && error.failure.code === "disk_full"))
          this.#ended = error instanceof Error ? error : new Error(String(error));
        for (const waiting of [...group, ...this.#queue.splice(0)]) waiting.reject(error);
      }
      this.#wake();
    }
    this.#flushing = undefined;
  }

  async #commit(group: readonly Waiting[]): Promise<void> {
    const segment = await this.#openSegment();
    const lines = this.#encode(group);
    const written = await segment.append(lines.map((line) => line.text));
    // Asked after the write: a successor that takes the run later than this reads what was written.
    const takenAway = await this.#options.takenAway();
    if (takenAway !== undefined) throw takenAway;
    for (const [index, line] of lines.slice(0, written.lines).entries()) {
      this.#seq = line.stored.seq;
      this.#hash = line.hash;
      this.#last = line.stored;
      group[index]?.resolve(line.stored);
    }
    if (written.refusal !== undefined) throw written.refusal;
  }

  #encode(group: readonly Waiting[]): EncodedLine[] {
    let seq = this.#seq;
    let previous = this.#hash;
    const isoTime = isoTimes();
    return group.map(({ event, time }) => {
      seq += 1;
      const line = encodeLine({ seq, epoch: this.#options.epoch, time: isoTime(time), previous, event });
      previous = line.hash;
      return line;
    });
  }

  async #openSegment(): Promise<SegmentWriter> {
    if (this.#segment !== undefined && this.#segment.bytes < (this.#options.maxSegmentBytes ?? MAX_SEGMENT_BYTES))
      return this.#segment;
    await this.#segment?.close();
    this.#segment = undefined;
    const next = segmentOf(this.#folder, this.#seq + 1, this.#options.epoch);
    try {
      this.#segment = await SegmentWriter.create(this.#folder, next);
    } catch (error) {
      throw writeError(error, next.path);
    }
    return this.#segment;
  }

  async #growth(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        this.#watchers.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      this.#watchers.add(wake);
      signal.addEventListener("abort", wake);
    });
  }

  #wake(): void {
    for (const wake of this.#watchers) wake();
  }
}

/** ISO texts of times, each written once: many events share a millisecond. */
function isoTimes(): (time: number) => string {
  let [lastTime, text] = [Number.NaN, ""];
  return (time) => {
    if (time !== lastTime) [lastTime, text] = [time, new Date(time).toISOString()];
    return text;
  };
}
