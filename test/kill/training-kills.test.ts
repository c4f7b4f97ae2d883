// A training of two ranks on two agents that is killed again and again, where and when a seed says: a rank, an agent or
// the runner, while it loads or between any two steps. `npm test` kills three times, `npm run test:kill` twenty times.
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { randomFromSeed } from "longform/method";
import type { RunOutcome } from "../../sdk/client/run.js";
import { signalProcess } from "../../runners/launch/processes.js";
import { copiedRuns } from "../e2e/copied-runs.js";
import { training } from "../e2e/micro/experiments.js";
import { eventually, PATIENCE_MS, runsFolder, WatchedRun } from "../e2e/watched-run.js";

const kills = Number(process.env["LONGFORM_KILLS"] ?? "3");
const seed = process.env["LONGFORM_KILL_SEED"] ?? "1";
const random = randomFromSeed(seed);

const steps = 10;
const checkpointEverySteps = 2;
const experiment = training({
  steps,
  checkpointEverySteps,
  zero: { stage: 2 },
  resources: { nodes: 2, ranksPerNode: 1 },
});

/** What is killed, and how the run then stands. A step of the way on which it would finish all the same is no failure. */
const targets = [
  { name: "rank 0", state: "failed", facts: { signal: "SIGKILL", rank: "0", node: "agent-0" } },
  { name: "rank 1", state: "failed", facts: { signal: "SIGKILL", rank: "1", node: "agent-1" } },
  { name: "agent-0", state: "failed", facts: { signal: "SIGKILL", node: "agent-0" } },
  { name: "agent-1", state: "failed", facts: { signal: "SIGKILL", node: "agent-1" } },
  { name: "runner", state: "interrupted", facts: undefined },
] as const;
type Target = (typeof targets)[number]["name"];

/** Waits for a moment of this attempt and says which. */
async function moment(run: WatchedRun): Promise<string> {
  const phase = (["starting", "loading", "running", "running", "running"] as const)[random.below(5)] ?? "running";
  await run.until("phase", (event) => event.phase === phase);
  const further = random.below(2 * checkpointEverySteps);
  if (phase === "running") {
    const { step } = await run.until("step");
    if (step + further < steps) await run.until("step", (event) => event.step >= step + further - 1);
  }
  const pauseMs = random.below(300);
  await sleep(pauseMs);
  return `${phase}, ${further} steps and ${pauseMs} ms later`;
}

async function pidOf(run: WatchedRun, target: Target): Promise<number> {
  if (target === "runner") return await run.runnerPid();
  if (target === "rank 0" || target === "rank 1") return await run.rank(target === "rank 0" ? 0 : 1);
  return (await run.eventsOf("agent_started")).findLast(({ agent }) => agent === target)?.pid ?? Number.NaN;
}

test(`a training that is killed ${kills} times ends with the very weights of the undisturbed one (seed ${seed})`, {
  timeout: (kills + 3) * PATIENCE_MS,
}, async () => {
  const runs = await runsFolder();
  const wanted = (await finished(await WatchedRun.begin(experiment, runs))).results?.trainings;
  expect(wanted).toHaveLength(1);
  let run = await WatchedRun.begin(experiment, await copiedRuns(runs, ["sft"]));
  for (let kill = 1; kill <= kills; kill += 1) {
    const target = targets[random.below(targets.length)] ?? targets[0];
    const when = `kill ${kill}, ${target.name}: ${await moment(run)}`;
    let pid = Number.NaN;
    await eventually(async () => {
      pid = await pidOf(run, target.name).catch(() => Number.NaN);
      return Number.isInteger(pid) || (await run.state()) !== "running";
    });
    signalProcess(pid, "SIGKILL");
    const end = await run.end();
    if (end.state === "finished") {
      expect(end.results?.trainings, when).toEqual(wanted);
      run = await WatchedRun.begin(experiment, await copiedRuns(runs, ["sft"]));
      continue;
    }
    expect(end, when).toMatchObject({ state: target.state, ...(target.facts && { failure: { facts: target.facts } }) });
    if (target.name !== "runner") await run.expectNothingLeft();
    await run.resume();
  }
  expect((await finished(run)).results?.trainings).toEqual(wanted);
  await run.expectNothingLeft();
});

async function finished(run: WatchedRun): Promise<RunOutcome> {
  const end = await run.end();
  expect(end.state, JSON.stringify(end.failure)).toBe("finished");
  return end;
}
