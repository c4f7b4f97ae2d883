import { RunError } from "../failure/failure.js";
import { checkLine, eventJson, GENESIS, type LineSeal } from "./event-line.js";
import { type FileLine, fileLines } from "./file-lines.js";
import { liveSegments, type Segment } from "./segments.js";

/** A whole, checked line of the log. */
export interface LogLine {
  readonly seq: number;
  /** JSON of its {@link StoredEvent}. */
  readonly json: () => string;
}

/** Bytes at the end of the log that no line end follows: a write that was cut short, or that is going on. */
export interface TornTail {
  readonly segment: string;
  readonly path: string;
  readonly offset: number;
  readonly bytes: number;
}

/**
 * A place in a run's log that moves forward over checked lines: each with a sound hash of its own, and each naming the
 * hash of the line before it.
 */
export class LogCursor {
  readonly #folder: string;
  readonly #after: number;
  #segment: Segment | undefined;
  #offset = 0;
  #seq = 0;
  /** Undefined where reading begins in the middle: that line's predecessor is not read. */
  #hash: string | undefined = GENESIS;
  #torn: TornTail | undefined;

  /** @param afterSeq The first line given is the one after this number. Only its segment and later ones are read. */
  constructor(folder: string, afterSeq: number) {
    this.#folder = folder;
    this.#after = afterSeq;
  }

  /** Number of the last line passed; 0 before the first. */
  get seq(): number {
    return this.#seq;
  }

  /** Hash of the last line passed. */
  get hash(): string {
    return this.#hash ?? GENESIS;
  }

  /** What the last {@link advance} found behind the last whole line. */
  get torn(): TornTail | undefined {
    return this.#torn;
  }

  /**
   * Lines from here to the end that the log has now, at most up to `untilSeq`. May be called again when it has grown.
   *
   * @throws RunError store_corrupt with segment and offset; all lines before that place have been given.
   */
  *advance(untilSeq = Number.POSITIVE_INFINITY): Generator<LogLine> {
    // Listed before reading: a segment that is not in the list yet starts after every line that is read here.
    const segments = liveSegments(this.#folder);
    let index = this.#startIndex(segments);
    for (let segment = segments[index]; segment !== undefined; segment = segments[index]) {
      index += 1;
      const next = segments[index];
      if (segment.path !== this.#segment?.path) this.#enter(segment);
      yield* this.#readSegment(segment, Math.min(untilSeq, (next?.firstSeq ?? Number.POSITIVE_INFINITY) - 1));
      if (this.#seq >= untilSeq) return;
      if (next !== undefined && next.firstSeq <= this.#seq) throw replaced(next);
      if (next !== undefined && next.firstSeq > this.#seq + 1)
        throw corrupt(
          segment,
          this.#offset,
          `the segment ends at event ${this.#seq}`,
          `events up to ${next.firstSeq - 1}, where ${next.name} goes on`,
        );
    }
  }

  #startIndex(segments: readonly Segment[]): number {
    const first = segments[0];
    if (first === undefined) return 0;
    const current = this.#segment;
    const wanted = current === undefined ? this.#after + 1 : current.firstSeq;
    const index = segments.findLastIndex((segment) => segment.firstSeq <= wanted);
    const segment = segments[index];
    if (segment === undefined)
      throw corrupt(first, 0, `the log begins at event ${first.firstSeq}`, "segments from event 1 on");
    // An empty segment may be replaced by one of a later epoch; events may not.
    if (current !== undefined && segment.path !== current.path && segment.firstSeq <= this.#seq)
      throw replaced(segment);
    return index;
  }

  #enter(segment: Segment): void {
    if (this.#segment === undefined && segment.firstSeq > 1) this.#hash = undefined;
    this.#segment = segment;
    this.#seq = segment.firstSeq - 1;
    this.#offset = 0;
  }

  *#readSegment(segment: Segment, untilSeq: number): Generator<LogLine> {
    this.#torn = undefined;
    if (this.#seq >= untilSeq) return;
    for (const line of fileLines(segment.path, this.#offset)) {
      if (!line.ended) return this.#endTorn(segment, line);
      const seal = this.#check(segment, line);
      this.#seq = seal.seq;
      this.#hash = seal.hash;
      this.#offset = line.offset + line.bytes.length + 1;
      if (seal.seq > this.#after) yield { seq: seal.seq, json: () => eventJson(line.bytes) };
      if (seal.seq >= untilSeq) return;
    }
  }

  #check(segment: Segment, line: FileLine): LineSeal {
    const seal = checkLine(line.bytes);
    if (seal === undefined)
      throw corrupt(
        segment,
        line.offset,
        "a line that does not match its own hash",
        `event ${this.#seq + 1} as it was written`,
      );
    if (seal.seq !== this.#seq + 1) throw corrupt(segment, line.offset, `event ${seal.seq}`, `event ${this.#seq + 1}`);
    if (seal.epoch !== segment.epoch)
      throw corrupt(segment, line.offset, `epoch ${seal.epoch}`, `epoch ${segment.epoch}`);
    if (this.#hash !== undefined && seal.previous !== this.#hash)
      throw corrupt(segment, line.offset, `a line that follows ${seal.previous}`, `one that follows ${this.#hash}`);
    return seal;
  }

  #endTorn(segment: Segment, line: FileLine): void {
    // A write that was cut short leaves a line's beginning. A whole line and one more byte is a damaged line end.
    if (checkLine(line.bytes.subarray(0, -1)) !== undefined)
      throw corrupt(
        segment,
        line.offset,
        "a line whose line end is damaged",
        `event ${this.#seq + 1} as it was written`,
      );
    this.#torn = { segment: segment.name, path: segment.path, offset: line.offset, bytes: line.bytes.length };
  }
}

function replaced(by: Segment): RunError {
  const found = "a segment that replaces events already read";
  return corrupt(by, 0, found, "no events of a runner that had lost its lease: read the run again from its beginning");
}

function corrupt(segment: Segment, offset: number, found: string, expected: string): RunError {
  return new RunError({
    code: "store_corrupt",
    detail: `${segment.name} is damaged at byte ${offset}: found ${found}`,
    facts: { file: segment.path, segment: segment.name, offset, found, expected },
  });
}
