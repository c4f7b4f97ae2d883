// Trainings of two processes, on one node and on two agents that stand for two nodes, disturbed by signals.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { RunOutcome } from "../../sdk/client/run.js";
import { copiedRuns } from "../e2e/copied-runs.js";
import { training } from "../e2e/micro/experiments.js";
import { eventually, PATIENCE_MS, runsFolder, WatchedRun } from "../e2e/watched-run.js";

const steps = 10;
const checkpointEverySteps = 2;
const twoRanks = (resources: { readonly nodes: number; readonly ranksPerNode: number }) =>
  training({ steps, checkpointEverySteps, zero: { stage: 2 }, resources });
const oneNode = twoRanks({ nodes: 1, ranksPerNode: 2 });
const twoNodes = twoRanks({ nodes: 2, ranksPerNode: 1 });

/** The run that nobody disturbs. */
let runs: string;
let outcome: RunOutcome;
beforeAll(async () => {
  runs = await runsFolder();
  const undisturbed = await WatchedRun.begin(oneNode, runs);
  outcome = await undisturbed.end();
  expect(outcome.state, JSON.stringify(outcome.failure)).toBe("finished");
  const [step] = await undisturbed.eventsOf("step");
  expect(step).toMatchObject({ step: 1, steps, ranks: 2 });
}, PATIENCE_MS);

/** Waits for a step of this attempt. */
async function steppedTo(run: WatchedRun, step: number): Promise<void> {
  await run.until("phase", ({ phase }) => phase === "running");
  await run.until("step", (event) => event.step >= step);
}

describe("two ranks on one node under ZeRO 2", { timeout: PATIENCE_MS }, () => {
  let run: WatchedRun;

  test("fail as a signal that names rank and node when one is killed, and leave no process", async () => {
    run = await WatchedRun.begin(oneNode, await copiedRuns(runs, ["sft"]));
    await steppedTo(run, checkpointEverySteps + 1);
    const pid = await run.rank(1);
    process.kill(pid, "SIGKILL");
    expect(await run.end()).toMatchObject({
      state: "failed",
      failure: { code: "signal", facts: { signal: "SIGKILL", pid: String(pid), rank: "1", node: "agent-0" } },
    });
    await run.expectNothingLeft();
    const logs = join(run.runDir, "stages", "first", "logs");
    expect(readdirSync(logs).toSorted()).toEqual(["engine.log", "rank-1.log"]);
  });

  test("save a checkpoint when their runner is told to leave, which leaves the run preempted", async () => {
    await run.resume();
    await steppedTo(run, checkpointEverySteps + 1);
    await run.killRunner("SIGTERM");
    const { state, failure } = await run.end();
    expect({ state, failure }).toMatchObject({ state: "preempted", failure: { code: "preempted" } });
    const saved = (await run.eventsOf("checkpoint")).at(-1);
    expect(failure?.facts).toMatchObject({ step: String(saved?.step), checkpoint: saved?.path });
    // No step that was taken is lost.
    expect((await run.eventsOf("step")).at(-1)?.step).toBe(saved?.step);
    expect((await run.events()).at(-1)).toMatchObject({ type: "run_preempted", stage: "first" });
    await run.expectNothingLeft();
  });

  test("are cancelled with nothing left while they start", async () => {
    await run.resume();
    await run.until("phase");
    await eventually(async () => (await run.processes()).length === 3);
    await run.cancel();
    expect(await run.end()).toMatchObject({ state: "cancelled" });
    await run.expectNothingLeft();
  });

  test("end with the very weights of the undisturbed run", async () => {
    await run.resume();
    expect(await run.end()).toMatchObject({ state: "finished", results: { trainings: outcome.results?.trainings } });
    await run.expectNothingLeft();
  });
});

describe("two ranks on two nodes", { timeout: PATIENCE_MS }, () => {
  let run: WatchedRun;

  test("fail as a lost node that is named when an agent is killed", async () => {
    run = await WatchedRun.begin(twoNodes, await copiedRuns(runs, ["sft"]));
    await steppedTo(run, checkpointEverySteps + 1);
    const agents = await run.eventsOf("agent_started");
    expect(agents.map(({ agent }) => agent).toSorted()).toEqual(["agent-0", "agent-1"]);
    const pid = agents.find(({ agent }) => agent === "agent-1")?.pid ?? Number.NaN;
    process.kill(pid, "SIGKILL");
    expect(await run.end()).toMatchObject({
      state: "failed",
      failure: { code: "node_lost", facts: { signal: "SIGKILL", pid: String(pid), node: "agent-1" } },
    });
    await run.expectNothingLeft();
  });

  test("leave their run preempted when one of them alone is told to leave", async () => {
    await run.resume();
    const { step } = await run.until("step");
    expect(step).toBe(((await run.eventsOf("checkpoint")).at(-1)?.step ?? Number.NaN) + 1);
    process.kill(await run.rank(1), "SIGTERM");
    const { state, failure } = await run.end();
    expect({ state, failure }).toMatchObject({ state: "preempted", failure: { code: "preempted" } });
    expect(failure?.facts["checkpoint"]).toBe((await run.eventsOf("checkpoint")).at(-1)?.path);
    await run.expectNothingLeft();
  });

  test("are ended on both nodes by the successor of a runner that was killed", async () => {
    await run.resume();
    await run.until("phase");
    await eventually(async () => (await run.processes()).length === 4);
    const left = await run.processes();
    await run.killRunner();
    const records = readFileSync(join(run.runDir, "agents.json"), "utf8");
    expect(records).toContain('"agent-0"');
    expect(records).toContain('"agent-1"');
    await run.resume();
    await run.until("agent_started");
    for (const pid of left) expect(await run.processes()).not.toContain(pid);
  });

  test("end with the very weights of the undisturbed run on one", async () => {
    expect(await run.end()).toMatchObject({ state: "finished", results: { trainings: outcome.results?.trainings } });
    const logs = (await run.eventsOf("log")).map(({ text }) => text);
    for (const text of logs) expect(text).toMatch(/^\[agent-[01]\] /);
    await run.expectNothingLeft();
  });
});
