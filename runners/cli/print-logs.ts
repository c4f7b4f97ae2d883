import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { createInterface } from "node:readline";
import { runPaths } from "../../sdk/run-folder/run-paths.js";
import { ExitCode } from "./exit-code.js";
import { findRun } from "./run-reference.js";
import { UsageError } from "./usage-error.js";

export interface LogsOptions {
  readonly run: string;
  readonly runs: string | undefined;
  readonly stage: string | undefined;
  readonly json: boolean;
}

interface LogFile {
  /** The stage, or the process "runner", "agent", "agent-1". */
  readonly source: string;
  readonly path: string;
  readonly changedMs: number;
}

/** Prints the logs of a run, those that were written to last at the end. */
export async function printLogs({ run, runs, stage, json }: LogsOptions): Promise<number> {
  const runDir = await findRun(run, runs);
  const all = await logFiles(runDir);
  const files = stage === undefined ? all : all.filter(({ source }) => source === stage);
  if (stage !== undefined && files.length === 0)
    throw new UsageError(
      `Stage "${stage}" has no log. Logs are there of ${all.map(({ source }) => source).join(", ") || "nothing yet"}.`,
    );
  for (const { source, path } of files) {
    if (!json) process.stdout.write(`==> ${source}: ${path}\n`);
    for await (const text of createInterface({
      input: createReadStream(path, "utf8"),
      crlfDelay: Number.POSITIVE_INFINITY,
    }))
      process.stdout.write(json ? `${JSON.stringify({ source, text })}\n` : `${text}\n`);
  }
  return ExitCode.done;
}

async function logFiles(runDir: string): Promise<LogFile[]> {
  const { runnerLog, stages } = runPaths(runDir);
  const entries = await readdir(stages, { recursive: true, withFileTypes: true }).catch(() => []);
  const found = entries
    .filter((entry) => entry.isFile() && entry.parentPath.endsWith(`${sep}logs`))
    .map((entry) => ({
      source: relative(stages, dirname(entry.parentPath)),
      path: join(entry.parentPath, entry.name),
    }));
  const agents = (await readdir(runDir)).filter((name) => /^agent(-\d+)?\.log$/.test(name));
  const processes = [
    { source: "runner", path: runnerLog },
    ...agents.map((name) => ({ source: name.slice(0, -".log".length), path: join(runDir, name) })),
  ];
  const dated = [...processes, ...found].map(async (file) => {
    const state = await stat(file.path).catch(() => undefined);
    return state === undefined || state.size === 0 ? [] : [{ ...file, changedMs: state.mtimeMs }];
  });
  return (await Promise.all(dated)).flat().toSorted((one, other) => one.changedMs - other.changedMs);
}
