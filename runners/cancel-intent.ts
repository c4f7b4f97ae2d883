import { rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { RunError } from "../sdk/failure/failure.js";
import { readJsonFile } from "../sdk/run-folder/json-file.js";
import { replaceFile } from "./store/durable-file.js";
import type { RunStore } from "./store/run-store.js";

/** How often a runner looks for a wish that could not reach it. */
const LOOK_MS = 1_000;

const LeftWish = z.strictObject({ reason: z.string() });

/** Where the wish to end a run lies that no runner could be told. */
function cancelFile(runDir: string): string {
  return join(runDir, "cancel.json");
}

/** Leaves the wish to end a run for the runner that has it, or for its next one. */
export async function leaveCancelIntent(runDir: string, reason: string): Promise<void> {
  await replaceFile(cancelFile(runDir), `${JSON.stringify({ reason })}\n`);
}

/** Takes a wish back that came after the end of the run, so that its next runner does not end at once. */
export async function withdrawCancelIntent(runDir: string): Promise<void> {
  await rm(cancelFile(runDir), { force: true });
}

/** What a wish needs of the run's store. */
type Store = Pick<RunStore, "append" | "lost">;

/** The wish to end a run: stored before it is answered, honoured by whichever runner has the run. */
export class CancelIntent implements AsyncDisposable {
  readonly #runDir: string;
  readonly #store: Store;
  readonly #abort = new AbortController();
  /** Aborted when the run shall stop: on a wish, or when another runner has taken the run. */
  readonly signal: AbortSignal;
  #asked: string | undefined;
  #closed = false;
  /** The wish that is being stored. */
  #storing: Promise<unknown> | undefined;
  #looking: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  private constructor(runDir: string, store: Store) {
    this.#runDir = runDir;
    this.#store = store;
    this.signal = AbortSignal.any([this.#abort.signal, store.lost]);
  }

  /** Takes up a wish that was left before, and listens for new ones. */
  static async open(runDir: string, store: Store): Promise<CancelIntent> {
    const intent = new CancelIntent(runDir, store);
    await intent.#look();
    intent.#timer = setInterval(() => {
      // A wish that cannot be read or stored now is met again at the next look.
      intent.#looking = intent.#looking.then(() => intent.#look()).catch(() => undefined);
    }, LOOK_MS).unref();
    return intent;
  }

  /** Who asked and why; undefined as long as nobody has. */
  get asked(): string | undefined {
    return this.#asked;
  }

  /** Stores the wish, then begins to end the run. False when somebody had asked already, or the run has ended. */
  async ask(reason: string): Promise<boolean> {
    while (this.#storing !== undefined) await this.#storing.catch(() => undefined);
    if (this.#asked !== undefined || this.#closed) return false;
    this.#storing = this.#store.append({ type: "cancel_asked", reason });
    try {
      await this.#storing;
      this.#asked = reason;
    } finally {
      this.#storing = undefined;
    }
    this.#abort.abort();
    return true;
  }

  /** The run has ended: from here on every wish comes too late. {@link asked} does not change any more. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#looking;
    await this.#storing?.catch(() => undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #look(): Promise<void> {
    const left = await readJsonFile(cancelFile(this.#runDir), LeftWish).catch(unreadable);
    if (left === undefined || this.#closed) return;
    await this.ask(left.reason);
    await withdrawCancelIntent(this.#runDir);
  }
}

/** That there is a file says enough. */
function unreadable(error: unknown): z.output<typeof LeftWish> {
  if (error instanceof RunError) return { reason: "a cancel.json that cannot be read" };
  throw error;
}
