import { setImmediate, setTimeout } from "node:timers/promises";
import { parseEvent } from "./event-line.js";
import type { StoredEvent } from "./events.js";
import { LogCursor } from "./log-cursor.js";
import { runPaths } from "./run-paths.js";
import { runState } from "./run-state.js";

/** Lines between two chances for other work of this process. */
const LINES_AT_ONCE = 1_000;
const POLL_MS = 200;

/**
 * The stored events after a number, in order, each checked against the one before it. Needs no runner.
 *
 * @throws RunError store_corrupt with segment and offset of the first damage, after every event before it.
 */
export async function* readEvents(runDir: string, afterSeq: number): AsyncGenerator<StoredEvent> {
  yield* newEvents(new LogCursor(runPaths(runDir).events, afterSeq));
}

/**
 * The stored events after a number and every new one, until the signal or until nobody writes the run any more: after
 * its last event when it has ended, or after its last stored event when its runner has died. Needs no runner.
 *
 * @throws RunError store_corrupt with segment and offset of the first damage, after every event before it.
 */
export async function* followEvents(
  runDir: string,
  afterSeq: number,
  signal: AbortSignal,
): AsyncGenerator<StoredEvent> {
  const cursor = new LogCursor(runPaths(runDir).events, afterSeq);
  while (!signal.aborted) {
    const writing = (await runState(runDir)) === "running";
    yield* newEvents(cursor);
    if (!writing) return;
    await setTimeout(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
}

async function* newEvents(cursor: LogCursor): AsyncGenerator<StoredEvent> {
  let lines = 0;
  for (const line of cursor.advance()) {
    yield parseEvent(line.json());
    lines += 1;
    if (lines % LINES_AT_ONCE === 0) await setImmediate();
  }
}
