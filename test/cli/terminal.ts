import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { environmentPython } from "#environments";
import { program, userVariables } from "./command.js";

const bridge = fileURLToPath(new URL("terminal.py", import.meta.url));
const PATIENCE_MS = 60_000;

/** `longform` in a real terminal, as a person has it. */
export class Terminal {
  readonly #process: ChildProcess;
  /** Everything that was shown, with what moves the cursor. */
  shown = "";

  constructor(args: readonly string[], folder: string, columns = 100) {
    const command = [bridge, String(columns), process.execPath, program, ...args];
    this.#process = spawn(environmentPython("train"), command, {
      cwd: folder,
      env: userVariables(),
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#process.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.shown += text;
    });
  }

  /** Waits until something is shown. */
  async until(pattern: RegExp): Promise<RegExpExecArray> {
    const deadline = performance.now() + PATIENCE_MS;
    while (performance.now() < deadline) {
      const found = pattern.exec(this.shown);
      if (found !== null) return found;
      if (this.#process.exitCode !== null) break;
      await sleep(20);
    }
    throw new Error(`${pattern} was never shown:\n${this.shown}`);
  }

  pressControlC(): void {
    this.#process.stdin?.write("\u0003");
  }

  /** The exit code, once the command has ended. */
  async end(): Promise<number | null> {
    if (this.#process.exitCode === null) await once(this.#process, "close");
    return this.#process.exitCode;
  }
}
