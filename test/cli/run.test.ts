import { once } from "node:events";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readRunnerRecord } from "../../sdk/client/runner-record.js";
import { listRuns } from "../../sdk/run-folder/list-runs.js";
import { StoredEvent } from "../../sdk/run-folder/events.js";
import { readEvents } from "../../sdk/run-folder/read-events.js";
import { runState } from "../../sdk/run-folder/run-state.js";
import { jsonLines, longform, startLongform } from "./command.js";
import { scriptedWorld } from "./scripted-world.js";

const PATIENCE_MS = 60_000;

async function newestRun(folder: string): Promise<string> {
  return (await listRuns(join(folder, "runs"))).at(-1)?.folder ?? "none";
}

/** Waits until a run has stored an event of a type. */
async function untilStored(runDir: string, type: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (performance.now() < deadline) {
    for await (const { event } of readEvents(runDir, 0)) if (event.type === type) return;
    await sleep(50);
  }
  throw new Error(`${runDir} never stored ${type}`);
}

describe("a run that finishes", () => {
  let folder: string;
  let first: Awaited<ReturnType<typeof longform>>;

  beforeAll(async () => {
    folder = await scriptedWorld();
    const plan = await longform(["plan", "experiment.ts", "--json"], { folder });
    expect(jsonLines(plan.stdout)).toEqual([
      { stage: "bench/items", kind: "import", cached: false, why: "it has not run yet" },
      { stage: "bench/texts", kind: "generate", cached: false, why: "waits for bench/items" },
      { stage: "bench/verdicts", kind: "judge", cached: false, why: "waits for bench/items, bench/texts" },
      { stage: "bench", kind: "score", cached: false, why: "waits for bench/items, bench/texts, bench/verdicts" },
    ]);
    // A plan makes nothing.
    expect(await listRuns(join(folder, "runs"))).toEqual([]);
    first = await longform(["run", "experiment.ts"], { folder });
  }, 120_000);

  afterAll(async () => await rm(folder, { recursive: true }));

  test("tells each stage, then the scores of each benchmark, the report and the folder", async () => {
    const run = await newestRun(folder);
    expect(first).toMatchObject({ code: 0, stderr: "" });
    const lines = first.stdout.split("\n");
    expect(lines[0]).toBe(`run ${basename(run)}`);
    for (const stage of ["bench/items", "bench/texts", "bench/verdicts", "bench"])
      expect(lines.filter((line) => line.includes(` ${stage}: done in `))).toHaveLength(1);
    const table = lines.findIndex((line) => line.startsWith("benchmark"));
    expect(lines[table]?.split(/ {2,}/)).toEqual(["benchmark", "S", "S_l", "S_q", "n", "trueFacts, %", "profile"]);
    expect(lines[table + 1]).toMatch(
      /^bench +\d+\.\d \[.*\] +\d+\.\d \[.*\] +83\.3 \[83\.3, 83\.3\] +4 +50\.0 \[50\.0, 50\.0\] +strict$/,
    );
    expect(lines.slice(-3)).toEqual([`report  ${join(run, "report.html")}`, `run     ${run}`, ""]);
  });

  test("again, it says in one line that everything is in the cache, and so does the plan", async () => {
    const { code, stdout } = await longform(["run", "experiment.ts"], { folder });
    expect(code).toBe(0);
    expect(stdout.split("\n")[1]).toBe("all 4 stages from the cache");
    const plan = await longform(["plan", "experiment.ts"], { folder });
    expect(plan.stdout).toContain("all 4 stages from the cache: a run computes nothing");
  }, 60_000);

  test("report writes the same page again, from the folder alone", async () => {
    const page = join(await newestRun(folder), "report.html");
    const before = await readFile(page, "utf8");
    await rm(page);
    const { code, stdout } = await longform(["report", "last"], { folder });
    expect(code).toBe(0);
    expect(stdout).toContain(`report  ${page}`);
    expect(await readFile(page, "utf8")).toBe(before);
  });

  test("ps lists it, and a run is found by id, by the beginning of one, by last and by its path", async () => {
    const runs = jsonLines((await longform(["ps", "--json"], { folder })).stdout);
    expect(runs.map(({ state }) => state)).toEqual(runs.map(() => "finished"));
    const run = await newestRun(folder);
    for (const name of [basename(run), basename(run).slice(0, -1), "last", run, join("runs", basename(run))])
      expect((await longform(["report", name, "--json"], { folder })).stdout).toContain(JSON.stringify(run));
    const all = await longform(["report", "letters"], { folder });
    expect(all).toMatchObject({ code: 2, stdout: "" });
    expect(all.stderr).toMatch(/^Several runs begin with "letters": letters-.*, letters-.*\.\n$/);
    const none = await longform(["report", "lettres-1"], { folder });
    expect(none.stderr).toMatch(/^There is no run "lettres-1" in .*\. It has letters-/);
  }, 60_000);

  test("logs print what agent and engines have printed, and name the stages that have any", async () => {
    const [run] = await listRuns(join(folder, "runs"));
    const engineLog = join(run?.folder ?? "", "stages", "bench", "texts", "logs", "engine.log");
    // The scripted engine is silent; the file is where the agent has put it.
    expect(await readFile(engineLog, "utf8")).toBe("");
    await writeFile(engineLog, "one\ntwo\n");
    const { stdout } = await longform(["logs", run?.id ?? "", "--stage", "bench/texts"], { folder });
    expect(stdout).toBe(`==> bench/texts: ${engineLog}\none\ntwo\n`);
    const all = jsonLines((await longform(["logs", run?.id ?? "", "--json"], { folder })).stdout);
    expect(all.at(-1)).toEqual({ source: "bench/texts", text: "two" });
    const { code, stderr } = await longform(["logs", run?.id ?? "", "--stage", "nothing"], { folder });
    expect(code).toBe(2);
    expect(stderr).toMatch(/^Stage "nothing" has no log\. Logs are there of .*bench\/texts\.\n$/);
  });

  test("watch shows a finished run again, and resume has nothing to do", async () => {
    const { code, stdout } = await longform(["watch", "last"], { folder });
    expect(code).toBe(0);
    expect(stdout).toContain("all 4 stages from the cache");
    const resumed = await longform(["resume", "last"], { folder });
    expect(resumed).toMatchObject({ code: 0, stderr: "" });
    expect(resumed.stdout).toContain("has finished: there is nothing left to do.");
  });
});

test("kill -9 of the client loses nothing: watch gives every event once and in order", async () => {
  const folder = await scriptedWorld({ items: 8, speed: 25 });
  try {
    const client = startLongform(["run", "experiment.ts"], { folder });
    const deadline = performance.now() + PATIENCE_MS;
    while ((await newestRun(folder)) === "none" && performance.now() < deadline) await sleep(20);
    const run = await newestRun(folder);
    await untilStored(run, "sample_done");
    client.kill("SIGKILL");
    await once(client, "close");
    expect(await runState(run)).toBe("running");
    const { code, stdout } = await longform(["watch", "last", "--json"], { folder });
    expect(code).toBe(0);
    const lines = jsonLines(stdout);
    expect(lines.at(-1)).toMatchObject({ outcome: { state: "finished", id: basename(run) } });
    const events = lines.slice(0, -1).map((line) => StoredEvent.parse(line));
    const stored: StoredEvent[] = [];
    for await (const event of readEvents(run, 0)) stored.push(event);
    expect(events).toEqual(stored);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(events.at(-1)?.event.type).toBe("run_finished");
    const after = await longform(["watch", "last", "--json", "--after", "5"], { folder });
    expect(jsonLines(after.stdout)[0]).toMatchObject({ seq: 6 });
  } finally {
    await rm(folder, { recursive: true });
  }
}, 120_000);

test("a run whose socket has gone is cancelled all the same", async () => {
  const folder = await scriptedWorld({ items: 8, speed: 10 });
  try {
    await longform(["run", "experiment.ts", "--detach"], { folder });
    const run = await newestRun(folder);
    await untilStored(run, "agent_started");
    const { address = "" } = (await readRunnerRecord(run)) ?? {};
    await rm(address.replace("unix:", ""));
    const cancelled = await longform(["cancel", "last", "--reason", "enough"], { folder });
    expect(cancelled).toMatchObject({ code: 0, stderr: "" });
    expect(cancelled.stdout).toMatch(/^letters-\S+ was cancelled\.\n$/);
    const events = [];
    for await (const { event } of readEvents(run, 0)) events.push(event);
    expect(events.at(-1)).toEqual({ type: "run_cancelled", reason: "enough" });
    expect(await readdir(run)).not.toContain("cancel.json");
  } finally {
    await rm(folder, { recursive: true });
  }
}, 120_000);

test("without a runner a run is interrupted; a cancel waits for its next runner, and the one after that finishes", async () => {
  const folder = await scriptedWorld({ items: 6, speed: 25 });
  try {
    const detached = await longform(["run", "experiment.ts", "--detach", "--json"], { folder });
    expect(jsonLines(detached.stdout)).toEqual([
      { run: expect.any(String), folder: await newestRun(folder), standing: "new" },
    ]);
    const run = await newestRun(folder);
    await untilStored(run, "sample_done");
    process.kill((await readRunnerRecord(run))?.pid ?? Number.NaN, "SIGKILL");
    const watched = await longform(["watch", "last"], { folder });
    expect(watched.code).toBe(3);
    expect(watched.stderr).toMatch(
      /^The runner of letters-\S+ is gone and the run has not ended\. To take it up where it stopped:\n {2}node .* resume letters-\S+\n$/,
    );
    const cancelled = await longform(["cancel", "last"], { folder });
    expect(cancelled).toMatchObject({ code: 0, stderr: "" });
    expect(cancelled.stdout).toMatch(
      /^No runner has letters-\S+: the next one that takes it up will end it at once\.\n$/,
    );
    expect((await longform(["resume", "last"], { folder })).code).toBe(130);
    expect(await runState(run)).toBe("cancelled");
    expect((await longform(["cancel", "last"], { folder })).stdout).toMatch(/ had already ended: cancelled\.\n$/);
    const resumed = await longform(["resume", "last"], { folder });
    expect(resumed).toMatchObject({ code: 0, stderr: "" });
    expect(resumed.stdout).toContain("bench/texts: done in ");
  } finally {
    await rm(folder, { recursive: true });
  }
}, 120_000);
