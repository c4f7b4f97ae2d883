import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** The variable that marks every process of a run. */
export const COOKIE_VARIABLE = "LONGFORM_RUN_COOKIE";

/** Processes other than this one that carry a run's cookie in their environment. */
export async function processesOfRun(cookie: string): Promise<number[]> {
  const entries = await readdir("/proc").catch(() => []);
  const pids = entries.filter((entry) => /^\d+$/.test(entry)).map(Number);
  const marked = await Promise.all(
    pids.map(async (pid) => {
      const environment = await readFile(`/proc/${pid}/environ`, "latin1").catch(() => "");
      return environment.split("\0").includes(`${COOKIE_VARIABLE}=${cookie}`);
    }),
  );
  return pids.filter((pid, index) => pid !== process.pid && marked[index] === true);
}

/** Ends every process of a run: the polite signal, and after the grace the final one, until none is left. */
export async function endProcessesOfRun(cookie: string, graceMs: number): Promise<void> {
  const finalAt = performance.now() + graceMs;
  const giveUpAt = finalAt + 5_000;
  let asked = new Set<number>();
  for (;;) {
    const left = await processesOfRun(cookie);
    if (left.length === 0 || performance.now() > giveUpAt) return;
    const final = performance.now() >= finalAt;
    for (const pid of left) if (final || !asked.has(pid)) signalProcess(pid, final ? "SIGKILL" : "SIGTERM");
    asked = new Set(left);
    await sleep(20);
  }
}

/** Sends a signal to a process, or with a negative id to its group; false when there is none. */
export function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
