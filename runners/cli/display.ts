import type { StoredEvent } from "../../sdk/run-folder/events.js";
import { PlainLines } from "./plain-lines.js";
import { advance, beforeEvents, type ProgressOptions, statusLine } from "./progress.js";
import { Screen, textTail } from "./screen.js";

/** Where the events of a run are shown. */
export interface Display {
  event(stored: StoredEvent): void;
  /** The end of a text that is being written, and how many pictures of it this watcher has missed. */
  text(text: string, tokens: number, missed: number): void;
  /** Whether {@link text} shows anything. */
  readonly live: boolean;
  close(): void;
}

export interface DisplayOptions extends ProgressOptions {
  readonly json: boolean;
  /** Stages of the plan. */
  readonly stages: number;
  /** Show nothing. */
  readonly quiet?: boolean;
}

/** The display for this output: JSON lines for programs, one updating line in a terminal, plain lines elsewhere. */
export function openDisplay(output: NodeJS.WriteStream, options: DisplayOptions): Display {
  if (options.quiet === true) return { event() {}, text() {}, live: false, close() {} };
  if (options.json) return jsonDisplay(output);
  return output.isTTY ? terminalDisplay(output, options) : plainDisplay(output, options);
}

function jsonDisplay(output: NodeJS.WriteStream): Display {
  return { event: (stored) => void output.write(`${JSON.stringify(stored)}\n`), text() {}, live: false, close() {} };
}

function plainDisplay(output: NodeJS.WriteStream, options: DisplayOptions): Display {
  const plain = new PlainLines(options.stages, options);
  return {
    event(stored) {
      for (const line of plain.after(stored)) output.write(`${line}\n`);
    },
    text() {},
    live: false,
    close() {},
  };
}

function terminalDisplay(output: NodeJS.WriteStream, options: DisplayOptions): Display {
  const screen = new Screen(output);
  let progress = beforeEvents(options.stages);
  let writing: string | undefined;
  const draw = () => {
    const status = statusLine(progress);
    screen.show([status, status === undefined ? undefined : writing].filter((line) => line !== undefined));
  };
  return {
    event(stored) {
      const step = advance(progress, stored, options);
      if (step.progress.current?.stage !== progress.current?.stage) writing = undefined;
      progress = step.progress;
      draw();
      for (const line of step.lines) if (!line.plainOnly) screen.print(line.text);
    },
    text(text, tokens, missed) {
      const counts = `${tokens} tokens${missed === 0 ? "" : `, ${missed} pictures missed`}`;
      writing = `  … ${textTail(text, output.columns - counts.length - 10)}  (${counts})`;
      draw();
    },
    live: true,
    close: () => screen.close(),
  };
}
