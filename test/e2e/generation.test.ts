import { beforeAll, describe, expect, test } from "vitest";
import { itemCount, samplesPerItem, scripted } from "./micro/experiments.js";
import { writeScript } from "./micro/script.js";
import { eventually, PATIENCE_MS, runsFolder, WatchedRun } from "./watched-run.js";

const wanted = itemCount * samplesPerItem;
/** Two texts at a time, half a second each: slow enough to be interrupted between two of them. */
const tokensPerSecond = 100;
/** Agents end themselves 15 s after their last word from a runner. */
const orphanGraceMs = 25_000;

let undisturbed: string;
let script: string;
beforeAll(async () => {
  const runs = await runsFolder();
  script = writeScript(runs, tokensPerSecond);
  const run = await WatchedRun.begin(scripted(script), runs);
  expect(await run.end()).toMatchObject({ state: "finished" });
  undisturbed = await run.results();
}, PATIENCE_MS);

describe("a benchmark that is being written", { timeout: PATIENCE_MS }, () => {
  /** A run with some texts written and others on their way. */
  async function halfWritten(): Promise<WatchedRun> {
    const run = await WatchedRun.begin(scripted(script), await runsFolder());
    await run.until("progress", ({ stage, done }) => stage === "bench/texts" && done === 4);
    return run;
  }

  /** Ends the run in peace; nothing was asked twice, nothing is missing, nothing is left. */
  async function expectTheRest(run: WatchedRun, { runners }: { runners: number }): Promise<void> {
    const before = (await run.eventsOf("sample_done")).length;
    expect(before).toBeGreaterThanOrEqual(4);
    expect(before).toBeLessThan(wanted);
    await run.resume();
    expect(await run.end()).toMatchObject({ state: "finished" });
    const samples = await run.eventsOf("sample_done");
    expect(samples).toHaveLength(wanted);
    expect(new Set(samples.map(({ item, sample }) => `${item}#${sample}`)).size).toBe(wanted);
    expect(await run.eventsOf("run_started")).toHaveLength(runners);
    expect(await run.results()).toBe(undisturbed);
    await run.expectNothingLeft();
  }

  test("goes on after the runner was killed, and asks only for the texts that are missing", async () => {
    const run = await halfWritten();
    await run.killRunner();
    expect(await run.end()).toMatchObject({ state: "interrupted", failure: undefined });
    await expectTheRest(run, { runners: 2 });
  });

  test("leaves no process behind when its runner is killed and nobody takes the run up", async () => {
    const run = await halfWritten();
    expect(await run.processes()).toHaveLength(2);
    await run.killRunner();
    await eventually(async () => (await run.processes()).length === 0, orphanGraceMs);
    expect(await run.state()).toBe("interrupted");
    await expectTheRest(run, { runners: 2 });
  });

  test("fails as node_lost when the agent is killed, and goes on afterwards", async () => {
    const run = await halfWritten();
    const [agent] = await run.eventsOf("agent_started");
    process.kill(agent?.pid ?? Number.NaN, "SIGKILL");
    expect(await run.end()).toMatchObject({
      state: "failed",
      failure: { code: "node_lost", facts: { signal: "SIGKILL", pid: String(agent?.pid) } },
    });
    await run.expectNothingLeft();
    await expectTheRest(run, { runners: 2 });
  });

  test("fails as signal when the engine is killed, and goes on afterwards", async () => {
    const run = await halfWritten();
    const [phase] = (await run.eventsOf("phase")).filter(({ stage }) => stage === "bench/texts");
    process.kill(phase?.pid ?? Number.NaN, "SIGKILL");
    expect(await run.end()).toMatchObject({
      state: "failed",
      failure: { code: "signal", facts: { signal: "SIGKILL", pid: String(phase?.pid) } },
    });
    await run.expectNothingLeft();
    await expectTheRest(run, { runners: 2 });
  });

  test("is cancelled within seconds, ends once, and goes on when it is resumed", async () => {
    const run = await halfWritten();
    const asked = performance.now();
    await run.cancel();
    expect(await run.end()).toMatchObject({ state: "cancelled", failure: undefined });
    expect(performance.now() - asked).toBeLessThan(20_000);
    const ends = (await run.events()).filter(({ type }) => /^run_(finished|failed|cancelled)$/.test(type));
    expect(ends).toEqual([{ type: "run_cancelled", reason: "a test asked for it" }]);
    await run.expectNothingLeft();
    await expectTheRest(run, { runners: 2 });
  });
});
