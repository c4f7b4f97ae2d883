// Jobs on two agents of one machine, which stand for two nodes. The engines are real processes of the agents that do
// what the job names (python-worker/tests/agent/engine_program.py).
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { environmentPython, packageRoot } from "#environments";
import { processesOfRun } from "../../runners/launch/processes.js";
import { runGang } from "../../runners/workers/gang.js";
import type { JobEvent } from "../../runners/workers/job-event.js";
import type { Job } from "../../runners/workers/jobs.js";
import type { Worker } from "../../runners/workers/worker.js";
import { RunError } from "../../sdk/failure/failure.js";
import { never, RealAgent, visionPolicy } from "./real-agent.js";

const PATIENCE_MS = 60_000;

let agent: RealAgent;
let workers: readonly [Worker, Worker];

async function prepare(): Promise<void> {
  agent = await RealAgent.prepare();
  const program = join(packageRoot, "python-worker", "tests", "agent", "engine_program.py");
  const python = join(agent.runDir, "python");
  const real = environmentPython("train");
  const script = `if [ "$2" = longform_worker.engines ]; then exec "${real}" "${program}"; fi\nexec "${real}" "$@"`;
  await writeFile(python, `#!/bin/sh\n${script}\n`);
  await chmod(python, 0o755);
  vi.stubEnv("LONGFORM_TRAIN_PYTHON", python);
  const [first, second] = await Promise.all([agent.launch(), agent.launchAnother()]);
  vi.unstubAllEnvs();
  workers = [first, second];
}

beforeAll(prepare, PATIENCE_MS);
afterAll(() => agent[Symbol.asyncDispose](), PATIENCE_MS);

let jobs = 0;

/** A job with a behaviour for each rank. */
function order(...behaviours: string[]) {
  jobs += 1;
  const job: Job = {
    kind: "import",
    sourceRowsPath: `ranks:${behaviours.join("|")}`,
    rowsPath: "/rows",
    imageRoot: "",
    blobRoot: "/blobs",
    visionPolicy,
  };
  return agent.order(`gang-${jobs}`, job);
}

/** What it takes to be a training; the behaviours stand in the place of its model. */
function training(...behaviours: string[]) {
  jobs += 1;
  const job: Job = {
    kind: "training",
    modelPath: `ranks:${behaviours.join("|")}`,
    rowsPath: "/rows",
    blobRoot: "/blobs",
    outputPath: "/model",
    checkpointPath: "/checkpoints",
    visionPolicy,
    promptLayout: "imagesFirst",
    maxTokens: 100,
    steps: 1,
    examplesPerStep: 1,
    lossNormalisation: "token",
    optimizer: {
      peakLearningRate: 1e-3,
      beta1: 0.9,
      beta2: 0.99,
      epsilon: 1e-8,
      weightDecay: 0,
      maxGradientNorm: 1,
      partLearningRates: [],
    },
    schedule: { kind: "constant", warmupFraction: 0, finalFraction: 1 },
    precision: "float32",
    gradientCheckpointing: false,
    headChunkTokens: 8,
    seed: 1,
    checkpointEverySteps: 1,
    tokensPerPass: 100,
    tuning: { full: { frozenParts: [] } },
    zero: { stage: 0, offloadOptimizer: false, offloadParameters: false },
    tensorboardPath: "",
  };
  return agent.order(`gang-${jobs}`, job);
}

async function failureOf(promise: Promise<unknown>): Promise<RunError["failure"]> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof RunError) return error.failure;
  throw new Error(`expected a RunError, found ${String(error)}`);
}

/** Engines that live, of both agents. */
async function engines(): Promise<number[]> {
  const cookies = [agent.cookie, `${agent.cookie}-agent-1`];
  const found = (await Promise.all(cookies.map((cookie) => processesOfRun(cookie)))).flat();
  return found.filter((pid) => workers.every(({ handshake }) => handshake.pid !== pid));
}

const ignore = () => undefined;

test("the node of rank 0 speaks for all, and what the others print comes with their names", async () => {
  const events: JobEvent[] = [];
  const names = "variables:RANK,LOCAL_RANK,WORLD_SIZE,MASTER_ADDR";
  const gang = order("done:2", names, names, names);
  const done = await runGang(workers, gang, 2, (event) => void events.push(event), never);
  expect(done).toMatchObject({ kind: "imported", rows: 3 });
  expect(events.filter(({ type }) => type !== "log").map(({ type }) => type)).toEqual([
    "phase",
    "progress",
    "progress",
    "done",
  ]);
  const place = (rank: number) =>
    [`RANK=${rank}`, `LOCAL_RANK=${rank}`, "WORLD_SIZE=4", "MASTER_ADDR=127.0.0.1"].map(
      (line) => `[agent-${Math.floor(rank / 2)}] ${rank === 2 ? "" : `[rank ${rank}] `}${line}`,
    );
  const printed = events.flatMap((event) => (event.type === "log" ? [event.text] : []));
  expect(printed.toSorted()).toEqual([1, 2, 3].flatMap(place).toSorted());
});

test("one process on one node needs no place to meet", async () => {
  const events: JobEvent[] = [];
  const done = await runGang([workers[0]], order("done:1"), 1, (event) => void events.push(event), never);
  expect(done).toMatchObject({ kind: "imported" });
  expect(events.map(({ type }) => type)).toEqual(["phase", "progress", "done"]);
});

test("the failure of a gang is its cause with rank and node, though a victim on another node spoke first", async () => {
  const failure = await failureOf(runGang(workers, order("victim", "later:refuse"), 1, ignore, never));
  expect(failure).toMatchObject({
    code: "data_refused",
    facts: { row: "a7", rank: "1", node: "agent-1", host: workers[1].handshake.host },
  });
  expect(await engines()).toEqual([]);
});

test(
  "a rank that is killed ends those on other nodes that do not notice",
  async () => {
    const gang = order("stop:deaf", "die:SIGKILL");
    const failure = await failureOf(runGang(workers, gang, 1, ignore, never));
    expect(failure).toMatchObject({
      code: "signal",
      facts: { signal: "SIGKILL", rank: "1", node: "agent-1", log_tail: "last words" },
    });
    expect(await engines()).toEqual([]);
  },
  PATIENCE_MS,
);

test(
  "cancelling ends every rank on every node before it returns",
  async () => {
    const stop = new AbortController();
    const running = failureOf(runGang(workers, order("stop", "stop", "stop", "stop"), 2, ignore, stop.signal));
    await expect.poll(engines, { timeout: PATIENCE_MS }).toHaveLength(4);
    stop.abort("enough");
    expect((await running).code).toBe("user_cancel");
    expect(await engines()).toEqual([]);
  },
  PATIENCE_MS,
);

test(
  "a training that is preempted saves on every node, says so, and ends as that",
  async () => {
    const stop = new AbortController();
    const events: JobEvent[] = [];
    const told = new RunError({ code: "preempted", facts: { signal: "SIGTERM" } });
    const running = failureOf(
      runGang(
        workers,
        training("save_on_term", "save_on_term"),
        1,
        (event) => {
          events.push(event);
          if (event.type === "phase" && event.phase === "running") setTimeout(() => stop.abort(told), 500);
        },
        stop.signal,
      ),
    );
    expect(await running).toMatchObject({ code: "preempted", facts: { step: "7" } });
    expect(events).toContainEqual({ type: "checkpoint", step: 7, path: "/checkpoints/7" });
    expect(await engines()).toEqual([]);
  },
  PATIENCE_MS,
);

test("a preempted training that takes longer than its order grants is killed", async () => {
  const stop = new AbortController();
  const told = new RunError({ code: "preempted", facts: { signal: "SIGTERM" } });
  const events: JobEvent[] = [];
  const hear = (event: JobEvent) => {
    events.push(event);
    if (event.type === "phase" && event.phase === "running") stop.abort(told);
  };
  const hasty = { ...training("save_on_term"), preemptionGraceMs: 100 };
  expect(await failureOf(runGang([workers[0]], hasty, 1, hear, stop.signal))).toMatchObject({ code: "preempted" });
  expect(events.map(({ type }) => type)).not.toContain("checkpoint");
  expect(await engines()).toEqual([]);
});

test(
  "a port that another process took is tried again elsewhere, three times in all",
  async () => {
    const file = (name: string) => join(agent.runDir, name);
    const done = await runGang(workers, order(`port_taken:2,${file("twice")}`, "done"), 1, ignore, never);
    expect(done).toMatchObject({ kind: "imported" });
    expect((await readFile(file("twice"), "utf8")).trim().split("\n")).toHaveLength(3);
    const failure = await failureOf(
      runGang(workers, order(`port_taken:9,${file("always")}`, "victim"), 1, ignore, never),
    );
    expect(failure).toMatchObject({ code: "address_in_use", facts: { rank: "0", node: "agent-0" } });
    expect((await readFile(file("always"), "utf8")).trim().split("\n")).toHaveLength(3);
  },
  PATIENCE_MS,
);

test(
  "a node whose agent is killed is the cause and is named; nothing is left of the job elsewhere",
  async () => {
    const running = failureOf(runGang(workers, order("stop", "stop"), 1, ignore, never));
    await expect.poll(engines, { timeout: PATIENCE_MS }).toHaveLength(2);
    process.kill(workers[1].handshake.pid, "SIGKILL");
    expect(await running).toMatchObject({
      code: "node_lost",
      facts: { signal: "SIGKILL", node: "agent-1", pid: String(workers[1].handshake.pid) },
    });
    await expect.poll(engines, { timeout: PATIENCE_MS }).toEqual([]);
  },
  PATIENCE_MS,
);
