import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { z } from "zod";

/** What the thread is asked: of which type an export is, or what it returns. */
export type Question =
  | { readonly kind: "type"; readonly url: string; readonly name: string }
  | { readonly kind: "call"; readonly url: string; readonly name: string; readonly values: readonly unknown[] };

/** What came of a question. Of an error only its words cross. */
const Answer = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("value"), value: z.unknown() }),
  z.strictObject({ kind: z.literal("thrown"), words: z.string() }),
]);
export type Answer = z.output<typeof Answer>;

const Reply = z.strictObject({ id: z.number(), answer: Answer });

/** Longest wait for the end of a thread: one that waits for a command of the system ends only with that command. */
const END_MS = 1_000;

interface Open {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * The thread that a run's user functions have to themselves: whatever they do, the runner goes on, answers its
 * clients and its worker agent, and can end them. Values cross as copies, so they are plain data.
 */
export class UserCodeThread implements AsyncDisposable {
  readonly #signal: AbortSignal;
  readonly #open = new Map<number, Open>();
  #asked = 0;
  #worker: Worker | undefined;
  /** Why a thread ended that nobody was waiting for: the next question is told. */
  #untold: string | undefined;

  /** `signal` ends the thread, and with it every open question. */
  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener("abort", this.#abort);
  }

  /**
   * Asks the thread, which the first question starts, and the first one after its end starts anew.
   *
   * @throws the reason of the signal once that is given, and nothing else.
   */
  async ask(question: Question): Promise<Answer> {
    this.#signal.throwIfAborted();
    if (this.#untold !== undefined) {
      const words = this.#untold;
      this.#untold = undefined;
      return { kind: "thrown", words };
    }
    this.#worker ??= this.#start();
    const worker = this.#worker;
    this.#asked += 1;
    const id = this.#asked;
    return await new Promise((resolve, reject) => {
      try {
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origin
        worker.postMessage({ id, question });
        this.#open.set(id, { resolve, reject });
      } catch (error) {
        resolve({ kind: "thrown", words: `Its arguments are not plain data: ${String(error)}` });
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal.removeEventListener("abort", this.#abort);
    await Promise.race([this.#worker?.terminate(), sleep(END_MS, undefined, { ref: false })]);
  }

  readonly #abort = (): void => {
    for (const { reject } of this.#open.values()) reject(this.#signal.reason);
    this.#open.clear();
    void this.#worker?.terminate();
  };

  #start(): Worker {
    const worker = new Worker(new URL("./user-code-entry.mjs", import.meta.url));
    let fault: string | undefined;
    worker.on("message", (message: unknown) => {
      const { success, data } = Reply.safeParse(message);
      // A user function may post messages of its own, which nobody has asked for.
      if (!success) return;
      this.#open.get(data.id)?.resolve(data.answer);
      this.#open.delete(data.id);
    });
    worker.on("messageerror", (error) => {
      fault = `What it returned is not plain data: ${String(error)}`;
      void worker.terminate();
    });
    worker.on("error", (error: unknown) => {
      fault = `It ended the thread of the user functions: ${String(error)}`;
    });
    worker.on("exit", (code) => {
      this.#worker = undefined;
      this.#lose(fault ?? `It ended the thread of the user functions with exit code ${code}.`);
    });
    return worker;
  }

  #lose(words: string): void {
    if (this.#open.size === 0) this.#untold = words;
    for (const { resolve } of this.#open.values()) resolve({ kind: "thrown", words });
    this.#open.clear();
  }
}
