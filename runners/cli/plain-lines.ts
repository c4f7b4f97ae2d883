import type { StoredEvent } from "../../sdk/run-folder/events.js";
import { advance, beforeEvents, type Progress, type ProgressOptions, statusLine } from "./progress.js";

/** Time of the run between two lines about the same stage. */
const STATUS_EVERY_MS = 5_000;

/** Lines for an output that cannot be written over: what begins and ends, and now and then where a stage stands. */
export class PlainLines {
  readonly #options: ProgressOptions;
  #progress: Progress;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(stages: number, options: ProgressOptions) {
    this.#progress = beforeEvents(stages);
    this.#options = options;
  }

  /** The lines that one more event gives. They depend on the events alone. */
  after(stored: StoredEvent): readonly string[] {
    const { progress, lines } = advance(this.#progress, stored, this.#options);
    this.#progress = progress;
    const ms = Date.parse(stored.time);
    if (lines.length > 0) {
      this.#lastMs = ms;
      return lines.map(({ text }) => text);
    }
    const status = statusLine(progress);
    if (status === undefined || ms - this.#lastMs < STATUS_EVERY_MS) return [];
    this.#lastMs = ms;
    return [status];
  }
}
