import { type FileHandle, open } from "node:fs/promises";
import type { RunError } from "../../sdk/failure/failure.js";
import type { Segment } from "../../sdk/run-folder/segments.js";
import { asDiskFull } from "./disk-full.js";
import { syncFolder } from "./durable-file.js";

/** What became of lines that were to be written. */
export interface Written {
  /** How many of them, from the first, are on the disk. */
  readonly lines: number;
  /** Why the others are not. */
  readonly refusal: RunError | undefined;
}

/** A segment that this process alone appends to. */
export class SegmentWriter {
  readonly #path: string;
  readonly #file: FileHandle;
  #bytes = 0;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  static async create(folder: string, segment: Segment): Promise<SegmentWriter> {
    const file = await open(segment.path, "a");
    await syncFolder(folder);
    return new SegmentWriter(segment.path, file);
  }

  /** Size, all of it durable. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Appends lines and waits until the disk has them. On a full disk the lines that fit stay, because somebody may have
   * read them already, and what was written of the next one is taken back.
   */
  async append(lines: readonly string[]): Promise<Written> {
    const data = Buffer.from(`${lines.join("\n")}\n`);
    try {
      await this.#file.appendFile(data);
    } catch (error) {
      const refusal = asDiskFull(error, this.#path);
      if (refusal === undefined) throw error;
      return { lines: await this.#keepWhole(lines), refusal };
    }
    await this.#file.datasync();
    this.#bytes += data.length;
    return { lines: lines.length, refusal: undefined };
  }

  /** Cuts the file behind the last line that was written whole. @returns How many lines stay. */
  async #keepWhole(lines: readonly string[]): Promise<number> {
    const { size } = await this.#file.stat();
    let whole = 0;
    for (const line of lines) {
      const end = this.#bytes + Buffer.byteLength(line) + 1;
      if (end > size) break;
      this.#bytes = end;
      whole += 1;
    }
    await this.#file.truncate(this.#bytes);
    await this.#file.datasync();
    return whole;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
