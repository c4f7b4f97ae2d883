import { existsSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { generated, type MmLongBenchWriteInput, programJudge, userFunction } from "longform";
import { describe, expect, test } from "vitest";
import { RunnerClient } from "../../sdk/client/runner-client.js";
import { readRunnerRecord } from "../../sdk/client/runner-record.js";
import { scripted } from "../e2e/micro/experiments.js";
import { writeScript } from "../e2e/micro/script.js";
import { eventually, PATIENCE_MS, runsFolder, WatchedRun } from "../e2e/watched-run.js";
import { smallDisk } from "../store/small-disk.js";

const world = new URL("./stubborn-world.ts", import.meta.url);
/** Far above the second that it takes, and below the grace of anything. */
const SOON_MS = 10_000;

type Change = Partial<MmLongBenchWriteInput>;

/** A run, and the gate that its functions wait at. */
async function begun(change: (gate: { reached: string; opened: string }) => Change, runs?: string) {
  const folder = await runsFolder();
  const gate = { reached: join(folder, "reached"), opened: join(folder, "opened") };
  const plain: Change = { items: generated(world, "items", gate), samplesPerItem: 1, measures: {} };
  const run = await WatchedRun.begin(scripted(writeScript(folder, 0), { ...plain, ...change(gate) }), runs ?? folder);
  return { run, gate };
}

const stubborn = {
  dataset: (gate: { reached: string; opened: string }) => ({ items: generated(world, "stubbornItems", gate) }),
  judge: () => ({ judge: programJudge(world, "stubbornJudge") }),
  measure: () => ({ measures: { stubborn: userFunction(world, "stubbornMeasure") } }),
};
const places = ["dataset", "judge", "measure"] as const;

describe("a user's function that computes without a pause", { timeout: PATIENCE_MS }, () => {
  test.each(places)("does not hold up the runner: %s", async (place) => {
    const { run, gate } = await begun(stubborn[place]);
    await eventually(() => existsSync(gate.reached));
    const runner = await readRunnerRecord(run.runDir);
    if (runner === undefined) throw new Error("the runner is gone");
    await using client = await RunnerClient.open(runner);
    expect(await client.get(AbortSignal.timeout(SOON_MS))).toMatchObject({ runId: basename(run.runDir) });
    writeFileSync(gate.opened, "");
    expect(await run.end()).toMatchObject({ state: "finished" });
    expect(await run.eventsOf("agent_started")).toHaveLength(1);
    await run.expectNothingLeft();
  });

  test.each(places)("is ended by a cancel: %s", async (place) => {
    const { run, gate } = await begun(stubborn[place]);
    if (place !== "dataset") await run.until("agent_started");
    await eventually(() => existsSync(gate.reached));
    const pid = await run.runnerPid();
    await run.cancel();
    expect(await run.end(SOON_MS)).toMatchObject({ state: "cancelled", failure: undefined });
    await eventually(() => !existsSync(`/proc/${pid}`), SOON_MS);
    expect(await run.eventsOf("verdict")).toHaveLength(place === "measure" ? 2 : 0);
    if (place !== "dataset") await run.expectNothingLeft();
  });

  test("is ended by SIGTERM, and the run can be taken up", async () => {
    const { run, gate } = await begun(stubborn.measure);
    await run.until("agent_started");
    await eventually(() => existsSync(gate.reached));
    await run.killRunner("SIGTERM");
    expect(await run.end(SOON_MS)).toMatchObject({ state: "preempted" });
    await run.expectNothingLeft();
    writeFileSync(gate.opened, "");
    await run.resume();
    expect(await run.end()).toMatchObject({ state: "finished" });
  });
});

describe("what goes wrong beside a user's function", { timeout: PATIENCE_MS }, () => {
  test("a measure that throws fails the run as user_code, naming function and item", async () => {
    const { run } = await begun(() => ({ measures: { odd: userFunction(world, "oddMeasure") } }));
    expect(await run.end()).toMatchObject({
      state: "failed",
      failure: {
        code: "user_code",
        detail: "RangeError: it counts nothing",
        facts: { function: "oddMeasure", item: "item-0" },
      },
    });
    await run.expectNothingLeft();
  });

  test("a disk too full for a judge's reply fails the run as disk_full, and no verdict is an error", async (context) => {
    const runs = join(smallDisk(context, 4_000_000), "runs");
    await mkdir(runs);
    const { run } = await begun(() => ({ judge: programJudge(world, "wordyJudge") }), runs);
    expect(await run.end()).toMatchObject({ state: "failed", failure: { code: "disk_full" } });
    expect(await run.eventsOf("verdict")).toEqual([]);
  });
});
