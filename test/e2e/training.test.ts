import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { programJudge } from "longform";
import type { RunOutcome } from "../../sdk/client/run.js";
import { BlobReader } from "../../sdk/run-folder/blob-reader.js";
import { runPaths } from "../../sdk/run-folder/run-paths.js";
import { copiedRuns } from "./copied-runs.js";
import { checkpointEverySteps, firstSteps, itemCount, micro, samplesPerItem, training } from "./micro/experiments.js";
import { eventually, PATIENCE_MS, runsFolder, WatchedRun } from "./watched-run.js";

const wanted = itemCount * samplesPerItem;
const everyNode = [
  "first/rows",
  "first/corpus",
  "first/model",
  "first/audit",
  "second/rows",
  "second/audit",
  "bench/items",
  "first",
  "second",
  "bench/texts",
  "bench/verdicts",
  "bench",
];

/** One run that nobody disturbs: what all others are compared with. */
let runs: string;
let undisturbed: WatchedRun;
let outcome: RunOutcome;
let results: string;
beforeAll(async () => {
  runs = await runsFolder();
  undisturbed = await WatchedRun.begin(micro(), runs);
  outcome = await undisturbed.end();
  expect(outcome.state, JSON.stringify(outcome.failure)).toBe("finished");
  results = await undisturbed.results();
}, PATIENCE_MS);

/** Runs an experiment to its end in a folder of runs. */
async function ended(experiment: ReturnType<typeof micro>, folder: string): Promise<WatchedRun> {
  const run = await WatchedRun.begin(experiment, folder);
  const end = await run.end();
  expect(end.state, JSON.stringify(end.failure)).toBe("finished");
  return run;
}

/** Where the only training of a run that goes on keeps its checkpoints. */
function checkpointsOf(run: WatchedRun): string {
  const work = join(run.runDir, "stages", "first", "work");
  const [key = "none", ...others] = readdirSync(work);
  expect(others).toEqual([]);
  return join(work, key, "checkpoints");
}

async function computed(run: WatchedRun): Promise<string[]> {
  return (await run.eventsOf("stage_started")).map(({ stage }) => stage);
}

describe("two trainings and a benchmark", { timeout: PATIENCE_MS }, () => {
  test("end with scores over every item, a report that names every stage, and nothing left running", async () => {
    expect(await computed(undisturbed)).toEqual(everyNode);
    const bench = outcome.results?.benches[0];
    expect(bench?.score).toMatchObject({ items: itemCount, samples: wanted, verdicts: { judged: wanted } });
    for (const mean of Object.values(bench?.score.scores ?? {}))
      expect(mean).toMatchObject({ status: "estimated", n: itemCount, denominator: itemCount });
    expect(bench?.measures["namesColour"]?.mean).toMatchObject({
      n: itemCount,
      denominator: itemCount,
      samples: wanted,
    });
    expect(outcome.results?.trainings).toMatchObject([
      { stage: "first", steps: firstSteps },
      { stage: "second", steps: 6 },
    ]);
    const report = await readFile(outcome.report ?? "", "utf8");
    for (const node of everyNode) expect(report).toContain(node);
    for (const node of everyNode) expect(existsSync(join(undisturbed.runDir, "stages", node, "work"))).toBe(false);
    expect(existsSync(join(undisturbed.runDir, "stages", "first", "logs", "engine.log"))).toBe(true);
    await undisturbed.expectNothingLeft();
  });

  test("run again come out of the cache: no process is started and the results are the same bytes", async () => {
    const again = await ended(micro(), runs);
    expect(again.runDir).not.toBe(undisturbed.runDir);
    expect((await again.eventsOf("stage_cached")).map(({ stage }) => stage)).toEqual(everyNode);
    expect((await again.events()).map(({ type }) => type)).toEqual([
      "run_started",
      ...everyNode.map(() => "stage_cached"),
      "run_finished",
    ]);
    expect(await again.results()).toBe(results);
  });

  test("give the same weights, texts, verdicts and results, byte for byte, without ZeroMQ", async () => {
    vi.stubEnv("LONGFORM_LIVE", "0");
    try {
      const alone = await copiedRuns(runs, ["sft", "generate", "judge", "score"]);
      const run = await ended(micro(), alone);
      expect(await computed(run)).toEqual(everyNode.slice(7));
      expect(await run.results()).toBe(results);
    } finally {
      vi.unstubAllEnvs();
    }
  });
});

describe("the cache", { timeout: PATIENCE_MS }, () => {
  test("an edited judge is asked again about the texts that there are", async () => {
    const folder = await runsFolder();
    const judge = join(folder, "judge.ts");
    writeFileSync(judge, readFileSync(fileURLToPath(new URL("./micro/world.ts", import.meta.url))));
    appendFileSync(judge, "export function strict({ text }) { return verdict(text === '' ? 1 : 2); }\n");
    const run = await ended(micro({ judge: programJudge(judge, "strict") }), runs);
    expect(await computed(run)).toEqual(["bench/verdicts", "bench"]);
    expect(await run.eventsOf("agent_started")).toEqual([]);
    expect((await run.eventsOf("stage_started"))[0]?.why).toMatch(/^parts\.judge\.function\.module was "sha256:/);
    expect(await run.results()).not.toBe(results);
  });

  test("another sampling writes again and trains nothing", async () => {
    const run = await ended(micro({ sampling: { temperature: 0, topP: 1, maxTokens: 32 } }), runs);
    expect(await computed(run)).toEqual(everyNode.slice(9));
    expect((await run.eventsOf("stage_started"))[0]?.why).toMatch(/^parts\.settings\.sampling\./);
  });

  test("a text that is gone or damaged is found out, named, and written again", async () => {
    const folder = await copiedRuns(runs, []);
    const blobs = new BlobReader(runPaths(join(folder, "any")).blobs);
    const [lost, damaged] = await undisturbed.eventsOf("sample_done");
    if (lost === undefined || damaged === undefined) throw new Error("no texts");
    appendFileSync(blobs.path(damaged.text), "!");
    rmSync(blobs.path(lost.text));
    const run = await ended(micro(), folder);
    expect(await computed(run)).toEqual(["bench/texts"]);
    expect((await run.eventsOf("stage_started"))[0]?.why).toMatch(/\.blobs\/.* is (gone|not what was stored)$/);
    expect(await run.results()).toBe(results);
    expect(await blobs.verify(lost.text)).toBe("sound");
    expect(await blobs.verify(damaged.text)).toBe("sound");
  });
});

describe("a training that is disturbed again and again", { timeout: PATIENCE_MS }, () => {
  let run: WatchedRun;
  beforeAll(async () => {
    // The engine shall have printed something that its failure can quote.
    vi.stubEnv("TRANSFORMERS_VERBOSITY", "info");
    run = await WatchedRun.begin(training(), await copiedRuns(runs, ["sft"]));
    vi.unstubAllEnvs();
  }, PATIENCE_MS);

  /** Waits for a step that lies behind a checkpoint, and gives the engine. */
  async function steppedTo(step: number): Promise<number> {
    const { pid } = await run.until("phase", ({ phase }) => phase === "running");
    await run.until("step", (event) => event.step >= step);
    return pid;
  }

  test("fails as signal within seconds when its engine is killed, with the last lines, and leaves no process", async () => {
    const pid = await steppedTo(checkpointEverySteps + 1);
    expect(await run.processes()).toContain(pid);
    const killed = performance.now();
    process.kill(pid, "SIGKILL");
    const { state, failure } = await run.end();
    expect(performance.now() - killed).toBeLessThan(20_000);
    expect({ state, failure }).toMatchObject({
      state: "failed",
      failure: {
        code: "signal",
        facts: { signal: "SIGKILL", pid: String(pid), log_tail: expect.stringMatching(/\S/) },
      },
    });
    await run.expectNothingLeft();
  });

  test("goes on from its checkpoint, and fails as node_lost when its agent is killed; the engine dies with it", async () => {
    await run.resume();
    const engine = await steppedTo(2 * checkpointEverySteps + 1);
    const agent = (await run.eventsOf("agent_started")).at(-1)?.pid ?? Number.NaN;
    process.kill(agent, "SIGKILL");
    const { state, failure } = await run.end();
    expect({ state, failure }).toMatchObject({
      state: "failed",
      failure: { code: "node_lost", facts: { signal: "SIGKILL", pid: String(agent) } },
    });
    expect(await run.processes()).not.toContain(engine);
    await run.expectNothingLeft();
  });

  test("is interrupted when its runner is killed; a successor ends what that one has left and is cancelled itself", async () => {
    await run.resume();
    const engine = await steppedTo(2 * checkpointEverySteps + 1);
    await run.killRunner();
    expect(await run.end()).toMatchObject({ state: "interrupted", failure: undefined });
    // The engine goes on alone for a while, with steps that nobody hears of; then it does not even react to SIGTERM.
    const unheard = join(checkpointsOf(run), "step-00000012");
    await eventually(() => existsSync(unheard));
    process.kill(engine, "SIGSTOP");
    expect(await run.processes()).toContain(engine);
    await run.resume();
    await run.until("phase", ({ phase }) => phase === "starting");
    expect(await run.processes()).not.toContain(engine);
    const { step } = await run.until("step");
    expect(step).toBeGreaterThan(4 * checkpointEverySteps);
    await run.cancel();
    expect(await run.end()).toMatchObject({ state: "cancelled" });
    await run.expectNothingLeft();
  });

  test("ends with the very weights of the undisturbed one, every event stored once", async () => {
    await run.resume();
    const end = await run.end();
    expect(end).toMatchObject({ state: "finished", results: { trainings: outcome.results?.trainings.slice(0, 1) } });
    const ends = (await run.events()).flatMap(({ type }) => (/^run_(?!started)/.test(type) ? [type] : []));
    expect(ends).toEqual(["run_failed", "run_failed", "run_cancelled", "run_finished"]);
    // No attempt went back further than to the checkpoint before its end.
    const steps = (await run.eventsOf("step")).map(({ step }) => step);
    expect(steps.filter((step) => step === 1)).toHaveLength(1);
    expect(steps.at(-1)).toBe(firstSteps);
    await run.expectNothingLeft();
    await eventually(async () => (await run.processes()).length === 0);
  });
});
