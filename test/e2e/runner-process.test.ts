import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { packageRoot } from "#environments";
import { runPaths } from "../../sdk/run-folder/run-paths.js";
import { smallDisk } from "../store/small-disk.js";
import { scripted } from "./micro/experiments.js";
import { writeScript } from "./micro/script.js";
import { eventually, PATIENCE_MS, runsFolder, WatchedRun } from "./watched-run.js";

const runner = join(packageRoot, "dist", "runners", "main.js");

/** A runner as a scheduler starts it: in the foreground, with a spec and a folder. */
function startRunner(...args: string[]) {
  const child = spawn(process.execPath, [runner, ...args], { stdio: ["ignore", "ignore", "pipe"] });
  let words = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    words += text;
  });
  const ended = once(child, "close").then(([code]: unknown[]) => ({ code, words }));
  return { child, ended };
}

describe("a runner", { timeout: PATIENCE_MS }, () => {
  /** A JSON spec whose texts come at this speed, and a folder for its run. */
  async function prepared(tokensPerSecond: number) {
    const runs = await runsFolder();
    const spec = join(runs, "spec.json");
    writeFileSync(spec, JSON.stringify(scripted(writeScript(runs, tokensPerSecond))));
    const runDir = join(runs, "job-1");
    return { run: new WatchedRun(runDir), args: ["--spec", spec, "--run-dir", runDir], spec };
  }

  test("runs a JSON spec to its end in the foreground and exits with 0", async () => {
    const { run, args } = await prepared(0);
    const { child, ended } = startRunner(...args);
    await eventually(async () => (await run.runnerPid()) === child.pid);
    await run.until("agent_started");
    expect(await ended).toEqual({ code: 0, words: "" });
    expect(await run.end()).toMatchObject({ state: "finished" });
    await run.expectNothingLeft();
  });

  test("ends its engines on SIGTERM, exits with 75, and the same command takes the run up", async () => {
    const { run, args, spec } = await prepared(100);
    const first = startRunner(...args);
    await eventually(async () => (await run.runnerPid()) === first.child.pid);
    await run.until("progress", ({ stage }) => stage === "bench/texts");
    first.child.kill("SIGTERM");
    expect(await first.ended).toEqual({ code: 75, words: "" });
    expect(await run.end()).toMatchObject({
      state: "preempted",
      failure: { code: "preempted", facts: { signal: "SIGTERM", pid: String(first.child.pid) } },
    });
    await run.expectNothingLeft();

    const texts = (await run.eventsOf("sample_done")).length;
    expect(texts).toBeGreaterThan(0);
    expect(await startRunner(...args).ended).toEqual({ code: 0, words: "" });
    expect(await run.end()).toMatchObject({ state: "finished" });
    expect(await run.eventsOf("sample_done")).toHaveLength(12);

    writeFileSync(spec, (await readFile(spec, "utf8")).replace('"samplesPerItem":2', '"samplesPerItem":1'));
    const other = await startRunner(...args).ended;
    expect(other.code).toBe(2);
    expect(other.words).toMatch(/spec\.json: found a run of another spec, expected the same spec, or another folder/);
  });

  test("leaves a run to the runner that has it and exits with 2", async () => {
    const { run, args } = await prepared(50);
    const first = startRunner(...args);
    await eventually(async () => (await run.runnerPid()) === first.child.pid);
    const second = await startRunner("--run-dir", run.runDir).ended;
    expect(second.code).toBe(2);
    expect(second.words).toMatch(`Another runner has this run: process ${first.child.pid} on `);
    expect(await first.ended).toMatchObject({ code: 0 });
    expect(await run.end()).toMatchObject({ state: "finished" });
    expect(await run.eventsOf("run_started")).toHaveLength(1);
  });

  test("lets exactly one of two runners that start at the same time have the run", async () => {
    const { run, args } = await prepared(0);
    await mkdir(run.runDir);
    const ends = await Promise.all([startRunner(...args).ended, startRunner(...args).ended]);
    expect(new Set(ends.map(({ code }) => code))).toEqual(new Set([0, 2]));
    expect(await run.end()).toMatchObject({ state: "finished" });
    expect(await run.eventsOf("run_started")).toHaveLength(1);
  });

  test("fails as disk_full on a full disk, and goes on with what was done once there is room", async (context) => {
    const disk = smallDisk(context, 4_000_000);
    const runs = join(disk, "runs");
    await mkdir(runs);
    const elsewhere = await runsFolder();
    const run = await WatchedRun.begin(scripted(writeScript(elsewhere, 100)), runs);
    await run.until("progress", ({ stage, done }) => stage === "bench/texts" && done === 4);
    const ballast = join(disk, "ballast");
    spawnSync("dd", ["if=/dev/zero", `of=${ballast}`, "bs=4096"], { stdio: "ignore" });
    expect(await run.end()).toMatchObject({ state: "failed", failure: { code: "disk_full" } });
    expect(await run.eventsOf("run_failed")).toMatchObject([{ stage: "bench/texts", failure: { code: "disk_full" } }]);
    await run.expectNothingLeft();
    rmSync(ballast);
    await run.resume();
    expect(await run.end()).toMatchObject({ state: "finished" });
    expect(await run.eventsOf("sample_done")).toHaveLength(12);
    expect((await run.eventsOf("stage_cached")).map(({ stage }) => stage)).toEqual(["bench/items"]);
    expect(await readFile(runPaths(run.runDir).report, "utf8")).toMatch("</html>");
  });
});
