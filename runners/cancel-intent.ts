import { access, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { RunStore } from "./store/run-store.js";

/** Where the wish to end a run lies when no runner is there to hear it. */
export function cancelFile(runDir: string): string {
  return join(runDir, "cancel.json");
}

/** Leaves the wish to end a run for its next runner. */
export async function leaveCancelIntent(runDir: string, reason: string): Promise<void> {
  await writeFile(cancelFile(runDir), `${JSON.stringify({ reason })}\n`);
}

/** The wish to end a run: stored before it is answered, honoured by whichever runner has the run. */
export class CancelIntent {
  readonly #store: RunStore;
  readonly #abort = new AbortController();
  /** Aborted when the run shall stop: on a wish, or when another runner has taken the run. */
  readonly signal: AbortSignal;
  /** Who asked and why; undefined as long as nobody has. */
  asked: string | undefined;

  private constructor(store: RunStore) {
    this.#store = store;
    this.signal = AbortSignal.any([this.#abort.signal, store.lost]);
  }

  /** Takes up a wish that was left before, and listens for new ones. */
  static async open(runDir: string, store: RunStore): Promise<CancelIntent> {
    const intent = new CancelIntent(store);
    const left = await access(cancelFile(runDir)).then(
      () => true,
      () => false,
    );
    if (left) {
      await intent.ask("asked while no runner was there");
      await rm(cancelFile(runDir));
    }
    return intent;
  }

  /** Stores the wish, then begins to end the run. False when somebody had asked already. */
  async ask(reason: string): Promise<boolean> {
    if (this.asked !== undefined) return false;
    this.asked = reason;
    await this.#store.append({ type: "cancel_asked", reason });
    this.#abort.abort();
    return true;
  }
}
