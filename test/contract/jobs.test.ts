import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { RunError } from "../../sdk/failure/failure.js";
import { processesOfRun } from "../../runners/launch/processes.js";
import type { JobEvent } from "../../runners/workers/job-event.js";
import { comparable, never, RealAgent, textRequest } from "./real-agent.js";

let agent: RealAgent;
beforeAll(async () => {
  agent = await RealAgent.start();
});
afterAll(() => agent[Symbol.asyncDispose]());

test("an agent says who it is, what it can start, and what its environments hold", () => {
  const { handshake } = agent.worker;
  expect(handshake).toMatchObject({
    epoch: 1,
    jobs: ["import", "model", "training", "generation", "audit", "read", "fetch"],
  });
  expect(handshake.environments.map(({ name }) => name)).toEqual(["train"]);
  expect(handshake.environments[0]?.versions).toMatchObject({
    python: expect.stringMatching(/^3\./),
    torch: expect.any(String),
  });
});

test("an import tells its phases and progress and ends with its result", async () => {
  const events: JobEvent[] = [];
  const order = await agent.importing("import-40", 40);
  const done = await agent.worker.runJob(order, (event) => void events.push(event), never);
  expect(done).toEqual({ kind: "imported", rows: 40, images: 40, newImages: 40 });
  expect(events[0]).toMatchObject({ type: "phase", phase: "starting", pid: expect.any(Number) });
  expect(events.at(-1)).toEqual({ type: "done", done });
  expect(events.filter(({ type }) => type === "progress").at(-1)).toEqual({
    type: "progress",
    done: 40,
    total: 40,
    unit: "rows",
  });
  const rows = (await readFile(join(agent.runDir, "import-40-rows.jsonl"), "utf8")).trimEnd().split("\n");
  expect(rows).toHaveLength(40);
});

test("a job that is started twice runs once", async () => {
  const order = await agent.importing("import-twice", 3);
  const [first, second] = await Promise.all([
    agent.worker.runJob(order, () => undefined, never),
    agent.worker.runJob(order, () => undefined, never),
  ]);
  expect(second).toEqual(first);
});

test("a stream that is cut again and again gives every event once and in order", async () => {
  await using reached = await agent.reach();
  const undisturbed: JobEvent[] = [];
  await agent.worker.runJob(await agent.importing("import-whole", 60), (event) => void undisturbed.push(event), never);
  const disturbed: JobEvent[] = [];
  const order = await agent.importing("import-cut", 60);
  await reached.worker.runJob(
    order,
    (event) => {
      disturbed.push(event);
      reached.way.cut();
    },
    never,
  );
  expect(reached.way.cuts).toBeGreaterThanOrEqual(3);
  // Progress is told by time, so the two may differ in how often; each must rise to its end without a repeat.
  const steps = disturbed.flatMap((event) => (event.type === "progress" ? [event.done] : []));
  expect(steps).toEqual([...new Set(steps)].toSorted((left, right) => left - right));
  const others = (events: JobEvent[]) =>
    events.filter(({ type }) => type !== "progress" && type !== "done").map(comparable);
  expect(others(disturbed)).toEqual(others(undisturbed));
  expect(disturbed.at(-1)).toMatchObject({ type: "done", done: { kind: "imported", rows: 60, newImages: 0 } });
});

test("what is wrong with a row is the job's failure, with its facts", async () => {
  const order = await agent.importing("import-none", 0);
  const error = await agent.worker.runJob(order, () => undefined, never).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(RunError);
  expect(error).toMatchObject({ failure: { code: "data_refused" } });
});

test("an environment that the agent does not have is named", async () => {
  const order = { ...(await agent.importing("import-nowhere", 1)), environment: "vllm" };
  await expect(agent.worker.runJob(order, () => undefined, never)).rejects.toMatchObject({
    failure: {
      code: "environment_missing",
      fieldPath: "environment",
      facts: { environment: "vllm", expected: "train" },
    },
  });
});

test("a job with a hole is refused before it is sent, by the name of the field", async () => {
  const { job, ...envelope } = await agent.importing("import-hole", 1);
  if (job.kind !== "import") throw new Error("not an import");
  const Loose = z.custom<typeof job>();
  const { rowsPath: _, ...rest } = job;
  await expect(
    agent.worker.runJob({ ...envelope, job: Loose.parse(rest) }, () => undefined, never),
  ).rejects.toMatchObject({
    failure: { code: "spec_refused", fieldPath: "import.rowsPath" },
  });
});

test("cancelling ends the job, its engine and its files' writers before it returns", async () => {
  const order = await agent.scripted("cancelled", { default: "x".repeat(5_000), tokens_per_second: 50 });
  const stop = new AbortController();
  const engine = await agent.worker.openEngine(order, () => undefined, stop.signal);
  const writing = engine.generate(textRequest("a"), () => stop.abort("enough"));
  await expect(writing).rejects.toMatchObject({ failure: { code: "user_cancel" } });
  await expect(engine.close()).rejects.toMatchObject({ failure: { code: "user_cancel" } });
  // The agent itself is all that is left.
  expect(await processesOfRun(agent.cookie)).toEqual([agent.worker.handshake.pid]);
});

test("an event that cannot be stored ends the job and is the error", async () => {
  const order = await agent.importing("import-unstored", 2_000);
  const full = new RunError({ code: "disk_full" });
  const storing = agent.worker.runJob(
    order,
    () => {
      throw full;
    },
    never,
  );
  await expect(storing).rejects.toBe(full);
  expect(await processesOfRun(agent.cookie)).toEqual([agent.worker.handshake.pid]);
});
