import { LogCursor } from "../../sdk/run-folder/log-cursor.js";
import { runPaths } from "../../sdk/run-folder/run-paths.js";
import { liveSegments } from "../../sdk/run-folder/segments.js";

/** Number of the last stored event of a run; 0 for none. Reads the last segment of the log only. */
export function lastEventSeq(runDir: string): number {
  const { events } = runPaths(runDir);
  const cursor = new LogCursor(events, (liveSegments(events).at(-1)?.firstSeq ?? 1) - 1);
  let seq = 0;
  for (const line of cursor.advance()) seq = line.seq;
  return Math.max(seq, cursor.seq);
}
