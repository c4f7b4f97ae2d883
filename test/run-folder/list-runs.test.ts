import { mkdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openRun, type RunStore } from "../../runners/store/run-store.js";
import type { RunError } from "../../sdk/failure/failure.js";
import { leasePath } from "../../sdk/run-folder/lease-record.js";
import { listRuns } from "../../sdk/run-folder/list-runs.js";
import { runState } from "../../sdk/run-folder/run-state.js";
import { numbered } from "../store/events.js";
import { temporaryFolder } from "../store/temporary-folder.js";

const me = { host: "here.example", pid: process.pid, version: "0.0.0-test" };

function newRun(runs: string, id: string): string {
  const runDir = join(runs, id);
  mkdirSync(runDir);
  writeFileSync(join(runDir, "spec.json"), JSON.stringify({ format: 1, name: `experiment of ${id}`, stages: [] }));
  return runDir;
}

async function startRun(runs: string, id: string): Promise<RunStore> {
  const store = await openRun(newRun(runs, id), me);
  await store.append({ type: "run_started", run: id, experiment: id, specSha256: "", pid: process.pid, version: "0" });
  return store;
}

async function endRun(store: RunStore, state: "finished" | "failed" | "cancelled"): Promise<void> {
  if (state === "finished") await store.append({ type: "run_finished", seconds: 1 });
  await store.finish({ state, epoch: store.epoch, time: new Date(Date.now() + 60_000).toISOString() });
  await store.close();
}

test("runs are listed oldest first with experiment, state, start, seconds and the living runner's process", async () => {
  const runs = temporaryFolder();
  for (const state of ["finished", "failed", "cancelled"] as const) await endRun(await startRun(runs, state), state);
  await (await startRun(runs, "interrupted")).close();
  const preempted = await startRun(runs, "preempted");
  await preempted.append({ type: "run_preempted", failure: { code: "preempted", facts: { signal: "SIGTERM" } } });
  await preempted.close();
  const running = await startRun(runs, "running");
  newRun(runs, "submitted");
  mkdirSync(join(runs, "no-run"));
  mkdirSync(join(runs, ".blobs"), { recursive: true });
  writeFileSync(join(runs, "notes.txt"), "");
  const listed = await listRuns(runs);
  expect(listed.map(({ id, state, experiment, pid }) => [id, state, experiment, pid])).toEqual([
    ["finished", "finished", "experiment of finished", undefined],
    ["failed", "failed", "experiment of failed", undefined],
    ["cancelled", "cancelled", "experiment of cancelled", undefined],
    ["interrupted", "interrupted", "experiment of interrupted", undefined],
    ["preempted", "preempted", "experiment of preempted", undefined],
    ["running", "running", "experiment of running", process.pid],
    ["submitted", "interrupted", "experiment of submitted", undefined],
  ]);
  const seconds = Object.fromEntries(listed.map((run) => [run.id, run.seconds]));
  expect(seconds["finished"]).toBeGreaterThan(55);
  expect(seconds["interrupted"]).toBeLessThan(30);
  expect(seconds["submitted"]).toBeUndefined();
  await running.close();
});

test("a folder of runs that does not exist has none", async () => {
  expect(await listRuns(join(temporaryFolder(), "none"))).toEqual([]);
});

test("a damaged run hides no other, and is told by name", async () => {
  const runs = temporaryFolder();
  await endRun(await startRun(runs, "sound"), "failed");
  writeFileSync(join(newRun(runs, "damaged"), "spec.json"), "{");
  const damaged: [string, RunError][] = [];
  expect((await listRuns(runs, (id, error) => damaged.push([id, error]))).map(({ id }) => id)).toEqual(["sound"]);
  expect(damaged).toMatchObject([
    ["damaged", { failure: { code: "store_corrupt", facts: { file: join(runs, "damaged", "spec.json") } } }],
  ]);
});

test("a run on another machine counts as running while its lease is young", async () => {
  const runDir = newRun(temporaryFolder(), "far");
  const store = await openRun(runDir, { ...me, processSpace: "another machine", leaseMs: 60_000 });
  await store.append(numbered(1));
  expect(await runState(runDir)).toBe("running");
  const longAgo = new Date(Date.now() - 241_000);
  utimesSync(leasePath(runDir, 1), longAgo, longAgo);
  expect(await runState(runDir)).toBe("interrupted");
  await store.close();
  rmSync(join(runDir, "leases"), { recursive: true });
  expect(await runState(runDir)).toBe("interrupted");
});
