import { parseEvent } from "./event-line.js";
import type { StoredEvent } from "./events.js";
import { LogCursor } from "./log-cursor.js";
import { runPaths } from "./run-paths.js";
import { liveSegments } from "./segments.js";

/**
 * The last stored event of a run. Reads the last segment of the log only.
 *
 * @throws RunError store_corrupt where that is damaged.
 */
export function lastEvent(runDir: string): StoredEvent | undefined {
  const { events } = runPaths(runDir);
  const last = liveSegments(events).at(-1);
  if (last === undefined) return undefined;
  let found: ReturnType<typeof parseEvent> | undefined;
  for (const line of new LogCursor(events, last.firstSeq - 1).advance()) found = parseEvent(line.json());
  return found;
}
