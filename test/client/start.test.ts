import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { attach } from "../../sdk/client/attach.js";
import { loadSpec } from "../../sdk/client/load-spec.js";
import { run } from "../../sdk/client/run.js";
import { readRunnerRecord } from "../../sdk/client/runner-record.js";
import { start } from "../../sdk/client/start.js";
import { submit } from "../../sdk/client/submit.js";
import { type Failure, failureOf } from "../../sdk/failure/failure.js";
import { startTicks } from "../../sdk/run-folder/process-identity.js";
import { readEvents } from "../../sdk/run-folder/read-events.js";
import { readResults } from "../../sdk/run-folder/read-report.js";
import { scriptedWorld } from "../cli/scripted-world.js";

const PATIENCE_MS = 120_000;

let here: string;

beforeAll(async () => {
  here = await mkdtemp(join(tmpdir(), "longform-start-"));
});

afterAll(async () => await rm(here, { recursive: true }));

async function failure(work: Promise<unknown>): Promise<Failure> {
  return await work.then(
    () => {
      throw new Error("it did not fail");
    },
    (error: unknown) => failureOf(error),
  );
}

async function starts(runDir: string): Promise<number> {
  let count = 0;
  for await (const { event } of readEvents(runDir, 0)) if (event.type === "run_started") count += 1;
  return count;
}

test("clients that start one run at the same moment have one runner, and the spec of its run runs again elsewhere", {
  timeout: PATIENCE_MS,
}, async () => {
  const folder = await scriptedWorld({ items: 6, speed: 25 });
  onTestFinished(async () => await rm(folder, { recursive: true }));
  const { experiment, base } = await loadSpec(join(folder, "experiment.ts"));
  const { runDir } = await submit(experiment, { base, runs: join(folder, "runs") });
  await Promise.all([start(runDir), start(runDir), start(runDir)]);
  const pid = (await readRunnerRecord(runDir))?.pid;
  expect(await failure(start(runDir, { listen: "127.0.0.1:0" }))).toMatchObject({
    code: "run_busy",
    facts: { run: runDir, pid: String(pid), hint: "Leave --listen 127.0.0.1:0 out to watch it." },
  });
  expect(await attach(runDir, 0, () => {}, AbortSignal.timeout(PATIENCE_MS))).toBe("finished");
  await start(runDir);
  expect(await starts(runDir)).toBe(1);

  const frozen = await loadSpec(join(runDir, "spec.json"));
  const runs = join(folder, "other-runs");
  const again = await run(frozen.experiment, { base: frozen.base, runs });
  expect(again).toMatchObject({ state: "finished", results: await readResults(runDir) });
});

test("a runner that lives and says nothing is given up and ended", { timeout: PATIENCE_MS }, async () => {
  const runDir = join(here, "silent");
  await mkdir(runDir);
  // The runner waits for somebody to write its spec into this.
  expect(spawnSync("mkfifo", [join(runDir, "spec.json")]).status).toBe(0);
  const { code, detail, facts } = await failure(start(runDir, { patienceMs: 1_500 }));
  expect({ code, detail }).toEqual({
    code: "launch_failed",
    detail: "the runner did not announce itself within 1.5 s and was ended",
  });
  expect(startTicks(Number(facts["pid"]))).toBeUndefined();
});

test("a program that cannot be started is a failure with the system's words, and a run without a spec one with the runner's", async () => {
  const runDir = join(here, "none");
  await mkdir(runDir);
  const { execPath } = process;
  process.execPath = join(here, "no-node");
  try {
    expect(await failure(start(runDir))).toMatchObject({
      code: "launch_failed",
      detail: `spawn ${join(here, "no-node")} ENOENT`,
    });
  } finally {
    process.execPath = execPath;
  }
  expect(await failure(start(runDir))).toMatchObject({
    code: "launch_failed",
    detail: expect.stringContaining("spec.json"),
    facts: { run: runDir },
  });
});
