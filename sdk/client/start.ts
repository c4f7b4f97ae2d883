import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { packageRoot } from "#environments";
import { RunError } from "../failure/failure.js";
import type { ExitRecord } from "../run-folder/events.js";
import { currentLease } from "../run-folder/lease-record.js";
import { readExit } from "../run-folder/read-run.js";
import { runPaths } from "../run-folder/run-paths.js";
import { runState } from "../run-folder/run-state.js";
import { readRunnerRecord } from "./runner-record.js";

const POLL_MS = 25;
/** Longer than a runner waits for one on another machine that may be dead, on a machine that is busy as well. */
const PATIENCE_MS = 120_000;

export interface StartOptions {
  /** A loopback address that the runner serves beside its private socket. */
  readonly listen?: string | undefined;
  /** Longest wait for a runner that lives and does not announce itself. */
  readonly patienceMs?: number | undefined;
}

/** A runner that was started for a run. */
interface Started {
  readonly runDir: string;
  readonly runner: ChildProcess;
  /** How the run had ended before. */
  readonly earlier: ExitRecord | undefined;
  /** Size of the runner's log before. */
  readonly logged: number;
}

/**
 * Starts a runner for a prepared run as a process of its own: it outlives this one, its terminal and its session.
 * Resolves when a runner can be reached, be it one that was faster, or the run has ended already.
 *
 * @throws RunError launch_failed with the runner's last words when it could not take the run up, and when it did not
 *   announce itself in time: it is ended then. run_busy when another runner has the run and does not `listen`.
 */
export async function start(runDir: string, { listen, patienceMs = PATIENCE_MS }: StartOptions = {}): Promise<void> {
  const started = await launch(runDir, listen);
  const { runner } = started;
  const deadline = performance.now() + patienceMs;
  while (performance.now() < deadline) {
    if ((await readRunnerRecord(runDir))?.pid === runner.pid) return;
    if (hasEnded(runner)) return await explainEnd(started, listen);
    await sleep(POLL_MS);
  }
  await end(runner);
  throw new RunError({
    code: "launch_failed",
    detail: `the runner did not announce itself within ${patienceMs / 1000} s and was ended`,
    facts: { run: runDir, pid: runner.pid ?? "unknown" },
  });
}

async function launch(runDir: string, listen: string | undefined): Promise<Started> {
  const earlier = await readExit(runDir);
  const log = await open(runPaths(runDir).runnerLog, "a");
  try {
    const logged = (await log.stat()).size;
    const program = join(packageRoot, "dist", "runners", "main.js");
    const address = listen === undefined ? [] : ["--listen", listen];
    const runner = spawn(process.execPath, [program, "--run-dir", runDir, ...address], {
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
    });
    await once(runner, "spawn");
    runner.unref();
    return { runDir, runner, earlier, logged };
  } catch (error) {
    throw new RunError(
      { code: "launch_failed", detail: error instanceof Error ? error.message : String(error), facts: { run: runDir } },
      { cause: error },
    );
  } finally {
    await log.close();
  }
}

/** Returns when a runner that has ended was not needed: the run has ended, or another one has it. */
async function explainEnd({ runDir, runner, earlier, logged }: Started, listen: string | undefined): Promise<void> {
  const exit = await readExit(runDir);
  if (exit?.state === "finished" || (exit !== undefined && exit.epoch !== earlier?.epoch)) return;
  const holder = (await runState(runDir)) === "running" ? await currentLease(runDir) : undefined;
  if (holder !== undefined && listen === undefined) return;
  if (holder !== undefined)
    throw new RunError({
      code: "run_busy",
      facts: { run: runDir, pid: holder.pid, host: holder.host, hint: `Leave --listen ${listen} out to watch it.` },
    });
  const words = (await readFile(runPaths(runDir).runnerLog)).subarray(logged).toString("utf8").trim();
  throw new RunError({
    code: "launch_failed",
    detail: words,
    facts: { run: runDir, exit_code: runner.exitCode ?? runner.signalCode ?? "unknown" },
  });
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

async function end(runner: ChildProcess): Promise<void> {
  const ended = once(runner, "exit");
  if (runner.kill("SIGKILL")) await ended;
}
