import { spawn } from "node:child_process";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { packageRoot } from "#environments";
import { RunError } from "../failure/failure.js";
import { readExit } from "../run-folder/read-run.js";
import { runPaths } from "../run-folder/run-paths.js";
import { readRunnerRecord } from "./runner-record.js";

const POLL_MS = 25;
const START_DEADLINE_MS = 30_000;

export interface StartOptions {
  /** A loopback address that the runner serves beside its private socket. */
  readonly listen?: string | undefined;
}

/**
 * Starts a runner for a prepared run as a process of its own: it outlives this one, its terminal and its session.
 * Resolves when the runner can be reached, or has ended the run already.
 *
 * @throws RunError launch_failed with the runner's last words when it could not take the run up.
 */
export async function start(runDir: string, { listen }: StartOptions = {}): Promise<void> {
  const log = await open(runPaths(runDir).runnerLog, "a");
  const before = (await log.stat()).size;
  const earlier = await readExit(runDir);
  const runner = spawn(
    process.execPath,
    [
      join(packageRoot, "dist", "runners", "main.js"),
      "--run-dir",
      runDir,
      ...(listen === undefined ? [] : ["--listen", listen]),
    ],
    {
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
    },
  );
  await log.close();
  runner.unref();
  const deadline = performance.now() + START_DEADLINE_MS;
  while (performance.now() < deadline) {
    if ((await readRunnerRecord(runDir))?.pid === runner.pid) return;
    if (runner.exitCode !== null || runner.signalCode !== null) {
      const exit = await readExit(runDir);
      if (exit !== undefined && exit.epoch !== earlier?.epoch) return;
      const words = (await readFile(runPaths(runDir).runnerLog)).subarray(before).toString("utf8").trim();
      throw new RunError({
        code: "launch_failed",
        detail: words,
        facts: { run: runDir, exit_code: runner.exitCode ?? runner.signalCode ?? "unknown" },
      });
    }
    await sleep(POLL_MS);
  }
  throw new RunError({
    code: "launch_failed",
    detail: "the runner did not announce itself",
    facts: { run: runDir, pid: runner.pid ?? 0 },
  });
}
