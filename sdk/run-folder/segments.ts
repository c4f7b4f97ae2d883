import { readdirSync } from "node:fs";
import { join } from "node:path";
import { errno } from "./errno.js";

const NAME = /^(\d{12})-(\d{6})\.jsonl$/;

/** One file of the event log. Its name says which event is its first and in which epoch it was written. */
export interface Segment {
  readonly name: string;
  readonly path: string;
  readonly firstSeq: number;
  readonly epoch: number;
}

export function segmentOf(folder: string, firstSeq: number, epoch: number): Segment {
  const name = `${String(firstSeq).padStart(12, "0")}-${String(epoch).padStart(6, "0")}.jsonl`;
  return { name, path: join(folder, name), firstSeq, epoch };
}

/**
 * The segments that make up the log, in order.
 *
 * Every runner writes only segments of its own epoch. What a runner that lost its lease still wrote lies at or after
 * the first event of a later epoch's segment, and so is known not to count without any lock.
 */
export function liveSegments(folder: string): readonly Segment[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    if (errno(error) === "ENOENT") return [];
    throw error;
  }
  const segments = names.flatMap((name) => {
    const [, first, epoch] = NAME.exec(name) ?? [];
    return first === undefined || epoch === undefined ? [] : [segmentOf(folder, Number(first), Number(epoch))];
  });
  return segments
    .filter((one) => !segments.some((other) => other.epoch > one.epoch && other.firstSeq <= one.firstSeq))
    .toSorted((one, other) => one.firstSeq - other.firstSeq);
}
