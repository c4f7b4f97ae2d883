import { hash } from "node:crypto";
import { RunError } from "../failure/failure.js";
import { StoredEvent } from "./events.js";

// A stored line is JSON with the fields seq, epoch, time, previous and event in this order, and last its own hash over all bytes before
// it. `previous` is the hash of the line before: a flipped bit breaks its own line, also when it is the last one, and
// a line that is missing, doubled or exchanged breaks the next.
const HEAD = /^\{"seq":(\d+),"epoch":(\d+),"time":"[^"]{20,30}","previous":"([0-9a-f]{64})","event":/;
const HEAD_BYTES = 256;
const SEAL_BYTES = ',"hash":""}'.length + 64;

/** What the first line of a run has for the hash of the line before. */
export const GENESIS = "0".repeat(64);

/** A line ready to be written, without its line end. */
export interface EncodedLine {
  readonly text: string;
  readonly hash: string;
  readonly stored: StoredEvent;
}

/** The line of an event. `event` must have passed `RunEvent`. */
export function encodeLine(stored: StoredEvent): EncodedLine {
  const { seq, epoch, time, previous, event } = stored;
  const open = `{"seq":${seq},"epoch":${epoch},"time":"${time}","previous":"${previous}","event":${JSON.stringify(event)}`;
  const seal = hash("sha256", open);
  return { text: `${open},"hash":"${seal}"}`, hash: seal, stored };
}

/** What the chain needs to know of a line. */
export interface LineSeal {
  readonly seq: number;
  readonly epoch: number;
  readonly previous: string;
  readonly hash: string;
}

/** Checks the form and the own hash of a line (without its line end); undefined when either is damaged. */
export function checkLine(line: Buffer): LineSeal | undefined {
  const head = HEAD.exec(line.toString("latin1", 0, HEAD_BYTES));
  const [, seq, epoch, previous] = head ?? [];
  if (seq === undefined || epoch === undefined || previous === undefined || line.length < SEAL_BYTES) return undefined;
  const body = line.subarray(0, line.length - SEAL_BYTES);
  const seal = hash("sha256", body);
  if (line.toString("latin1", body.length) !== `,"hash":"${seal}"}`) return undefined;
  return { seq: Number(seq), epoch: Number(epoch), previous, hash: seal };
}

/** The JSON of a {@link StoredEvent} in a checked line: what travels to watchers. */
export function eventJson(line: Buffer): string {
  return `${line.toString("utf8", 0, line.length - SEAL_BYTES)}}`;
}

/**
 * The event in a checked line.
 *
 * @throws RunError store_corrupt when the line is whole but of a form that this version does not know.
 */
export function parseEvent(json: string): StoredEvent {
  const parsed = StoredEvent.safeParse(JSON.parse(json));
  if (parsed.success) return parsed.data;
  throw new RunError(
    {
      code: "store_corrupt",
      detail: "a whole line has an event that this version of longform does not know",
      facts: {
        found: json.slice(0, 200),
        expected: "an event of this version; read the run with the version that wrote it",
      },
    },
    { cause: parsed.error },
  );
}
