import { closeSync, openSync, readSync } from "node:fs";

const CHUNK_BYTES = 256 * 1024;
const LINE_END = 0x0a;

/** A line of a file. */
export interface FileLine {
  /** Byte offset of its first byte. */
  readonly offset: number;
  /** Its bytes without the line end. Valid until the next line is asked for. */
  readonly bytes: Buffer;
  /** False for bytes at the end of the file that no line end follows. */
  readonly ended: boolean;
}

/** Lines of a file from a byte offset to the end that it has now. Memory is bounded by the longest line. */
export function* fileLines(path: string, from: number): Generator<FileLine> {
  const file = openSync(path, "r");
  try {
    let buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    let filled = 0;
    let offset = from;
    for (;;) {
      const count = readSync(file, buffer, filled, buffer.length - filled, offset + filled);
      if (count === 0) break;
      let start = 0;
      // What was there before this read has no line end.
      let end = buffer.subarray(0, filled + count).indexOf(LINE_END, filled);
      filled += count;
      while (end !== -1) {
        yield { offset: offset + start, bytes: buffer.subarray(start, end), ended: true };
        start = end + 1;
        end = buffer.subarray(0, filled).indexOf(LINE_END, start);
      }
      const grown = start === 0 && filled === buffer.length ? Buffer.allocUnsafe(buffer.length * 2) : buffer;
      buffer.copy(grown, 0, start, filled);
      buffer = grown;
      filled -= start;
      offset += start;
    }
    if (filled > 0) yield { offset, bytes: buffer.subarray(0, filled), ended: false };
  } finally {
    closeSync(file);
  }
}
