import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { listRuns } from "../../sdk/run-folder/list-runs.js";
import { readEvents } from "../../sdk/run-folder/read-events.js";
import { runState } from "../../sdk/run-folder/run-state.js";
import { userVariables } from "./command.js";
import { scriptedWorld } from "./scripted-world.js";
import { Terminal } from "./terminal.js";

/** Runs a line in a shell, as it was printed; fails with what it printed when it fails. */
async function paste(line: string, folder: string): Promise<string> {
  return (await promisify(execFile)("/bin/sh", ["-c", line], { cwd: folder, env: userVariables() })).stdout;
}

async function onlyRun(runs: string): Promise<string> {
  const [run, ...others] = await listRuns(runs);
  if (run === undefined || others.length > 0) throw new Error(`${others.length + 1} runs`);
  return run.folder;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const DETACHED = /Detached: (\S+) goes on\.[^\n]*\r\n {2}(\S[^\r]*watch[^\r]*)\r\n {2}(\S[^\r]*cancel[^\r]*)\r\n/;

test("Ctrl-C detaches, the run goes on, and the printed command shows it to its end", async () => {
  const folder = await scriptedWorld({ items: 8, speed: 25 });
  try {
    const terminal = new Terminal(["run", "experiment.ts"], folder);
    // The line of the running stage is written over itself.
    await terminal.until(/\[\dA\r.\[J\[2\/4\] bench\/texts: [1-8]\/8 texts/);
    terminal.pressControlC();
    const [, id = "", watch = ""] = await terminal.until(DETACHED);
    expect(await terminal.end()).toBe(0);
    const run = await onlyRun(join(folder, "runs"));
    expect(run).toBe(join(folder, "runs", id));
    expect(await runState(run)).toBe("running");
    const stdout = await paste(watch, folder);
    expect(stdout).toContain("bench/texts: done");
    expect(stdout).toContain("report.html");
    expect(await runState(run)).toBe("finished");
  } finally {
    await rm(folder, { recursive: true });
  }
}, 90_000);

test("Ctrl-C twice cancels, and nothing of the run is left", async () => {
  const folder = await scriptedWorld({ items: 40, speed: 10 });
  try {
    const terminal = new Terminal(["run", "experiment.ts"], folder);
    await terminal.until(/bench\/texts: running|bench\/texts: \d+\/40/);
    terminal.pressControlC();
    await terminal.until(/Detached/);
    terminal.pressControlC();
    expect(await terminal.end()).toBe(130);
    expect(terminal.shown).toMatch(/was cancelled\. To take it up again:/);
    const run = await onlyRun(join(folder, "runs"));
    expect(await runState(run)).toBe("cancelled");
    // Agents and engines are gone before the end is stored; the runner itself goes right after it.
    for await (const { event } of readEvents(run, 0)) {
      if (!("pid" in event)) continue;
      const timeout = event.type === "run_started" ? 10_000 : 0;
      await expect.poll(() => isAlive(event.pid), { timeout }).toBe(false);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}, 90_000);

test("the printed command to cancel works when the runs lie elsewhere, in a folder with a space", async () => {
  const folder = await scriptedWorld({ items: 40, speed: 10 });
  try {
    const runs = join(folder, "my runs");
    const terminal = new Terminal(["run", "experiment.ts", "--runs", "my runs"], folder, 200);
    await terminal.until(/bench\/texts: /);
    terminal.pressControlC();
    const [, id, , cancel = ""] = await terminal.until(DETACHED);
    expect(await terminal.end()).toBe(0);
    expect(await paste(cancel, folder)).toBe(`${id} was cancelled.\n`);
    expect(await runState(await onlyRun(runs))).toBe("cancelled");
  } finally {
    await rm(folder, { recursive: true });
  }
}, 90_000);
