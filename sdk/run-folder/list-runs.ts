import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { RunError } from "../failure/failure.js";
import { absent } from "./errno.js";
import { parseEvent } from "./event-line.js";
import type { StoredEvent } from "./events.js";
import { readJsonFile } from "./json-file.js";
import { currentLease } from "./lease-record.js";
import { LogCursor } from "./log-cursor.js";
import { readExit } from "./read-run.js";
import { runPaths } from "./run-paths.js";
import { type RunState, runState } from "./run-state.js";
import { liveSegments } from "./segments.js";

/** One run of a folder of runs. */
export interface RunSummary {
  readonly id: string;
  readonly folder: string;
  readonly experiment: string;
  readonly state: RunState;
  /** When the first event was stored; absent before that. */
  readonly started?: Date;
  /** From the first event to the end, to the last stored event when interrupted, or to now. */
  readonly seconds?: number;
  /** The runner's process id, while it runs. */
  readonly pid?: number;
}

const NamedSpec = z.looseObject({ name: z.string() });

/** The runs of a folder, oldest first. A folder without a spec is no run. A damaged run is a typed error of `onDamaged`. */
export async function listRuns(
  runsDir: string,
  onDamaged: (id: string, error: RunError) => void = () => {},
): Promise<readonly RunSummary[]> {
  const entries = (await readdir(runsDir, { withFileTypes: true }).catch(absent)) ?? [];
  const runs: RunSummary[] = [];
  for (const entry of entries) {
    if (!entry.isDirectory() || entry.name.startsWith(".")) continue;
    try {
      const run = await summarize(entry.name, join(runsDir, entry.name));
      if (run !== undefined) runs.push(run);
    } catch (error) {
      if (!(error instanceof RunError)) throw error;
      onDamaged(entry.name, error);
    }
  }
  return runs.toSorted(
    (one, other) =>
      (one.started?.getTime() ?? Infinity) - (other.started?.getTime() ?? Infinity) || (one.id < other.id ? -1 : 1),
  );
}

async function summarize(id: string, folder: string): Promise<RunSummary | undefined> {
  const spec = await readJsonFile(runPaths(folder).spec, NamedSpec);
  if (spec === undefined) return undefined;
  const state = await runState(folder);
  const first = firstEvent(folder);
  const started = first === undefined ? undefined : new Date(first.time);
  const lease = state === "running" ? await currentLease(folder) : undefined;
  return {
    id,
    folder,
    experiment: spec.name,
    state,
    ...(started === undefined ? {} : { started, seconds: ((await ended(folder, state)) - started.getTime()) / 1000 }),
    ...(lease === undefined ? {} : { pid: lease.pid }),
  };
}

function firstEvent(folder: string): StoredEvent | undefined {
  for (const line of new LogCursor(runPaths(folder).events, 0).advance(1)) return parseEvent(line.json());
  return undefined;
}

/** Milliseconds of the clock. */
async function ended(folder: string, state: RunState): Promise<number> {
  if (state === "running") return Date.now();
  const exit = await readExit(folder);
  if (exit !== undefined) return Date.parse(exit.time);
  const last = liveSegments(runPaths(folder).events).at(-1);
  return last === undefined ? Number.NaN : (await stat(last.path)).mtimeMs;
}
