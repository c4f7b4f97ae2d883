import { execFile } from "node:child_process";
import { access, chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, expect, test, vi } from "vitest";
import { environmentPython } from "#environments";
import { RunError } from "../../sdk/failure/failure.js";
import { shutDownPredecessors } from "../../runners/launch/agents-record.js";
import { environmentVersions } from "../../runners/launch/environments.js";
import { processesOfRun } from "../../runners/launch/processes.js";
import { Agent } from "../../runners/workers/agent.js";
import { never, RealAgent, textRequest, token } from "./real-agent.js";

const python = environmentPython("train");
const longText = { default: "v".repeat(8_000), tokens_per_second: 100 };
const ignore = () => undefined;
const folders: string[] = [];

afterEach(async () => {
  vi.unstubAllEnvs();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "longform-launch-"));
  folders.push(folder);
  return folder;
}

/** An interpreter that is the real one but where the shell says otherwise. */
async function interpreter(script: string): Promise<string> {
  const path = join(await temporaryFolder(), "python");
  await writeFile(path, `#!/bin/sh\n${script}\nexec "${python}" "$@"\n`);
  await chmod(path, 0o755);
  return path;
}

async function thrownBy(promise: Promise<unknown>): Promise<RunError> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(RunError);
  if (error instanceof RunError) return error;
  throw new Error("not a RunError");
}

test("an agent starts, leaves its log and its record, and leaves nothing else when it is disposed of", async () => {
  await using agent = await RealAgent.prepare();
  {
    await using worker = await agent.launch();
    expect(await processesOfRun(agent.cookie)).toEqual([worker.handshake.pid]);
    expect((await stat(join(agent.runDir, "agents.json"))).mode & 0o777).toBe(0o600);
    expect((await stat(agent.runtime.path)).mode & 0o777).toBe(0o700);
    const command = await readFile(`/proc/${worker.handshake.pid}/cmdline`, "utf8");
    expect(command).not.toContain(token);
    expect(await readFile(`/proc/${worker.handshake.pid}/environ`, "utf8")).not.toContain(token);
    // Its own process group, so that an interrupt in the terminal does not reach it.
    expect((await readFile(`/proc/${worker.handshake.pid}/stat`, "utf8")).split(" ")[4]).toBe(
      String(worker.handshake.pid),
    );
  }
  expect(await processesOfRun(agent.cookie)).toEqual([]);
  expect(await readdir(agent.runtime.path)).toEqual(["runner.sock"]);
  await expect(access(join(agent.runDir, "agents.json"))).rejects.toMatchObject({ code: "ENOENT" });
  expect(await readFile(join(agent.runDir, "agent.log"), "utf8")).toContain("agent-0");
});

test("an interpreter that does not exist is named with what to do", async () => {
  vi.stubEnv("LONGFORM_TRAIN_PYTHON", "/nowhere/bin/python");
  await using agent = await RealAgent.prepare();
  expect((await thrownBy(agent.launch())).failure).toMatchObject({
    code: "environment_missing",
    facts: {
      environment: "train",
      python: "/nowhere/bin/python",
      variable: "LONGFORM_TRAIN_PYTHON",
      fix: "longform setup",
    },
  });
});

test("an interpreter without the libraries names them", async () => {
  const folder = await temporaryFolder();
  await promisify(execFile)(python, ["-m", "venv", "--without-pip", folder]);
  vi.stubEnv("LONGFORM_TRAIN_PYTHON", join(folder, "bin", "python"));
  const { failure } = await thrownBy(environmentVersions("train"));
  expect(failure).toMatchObject({
    code: "environment_missing",
    facts: { environment: "train", fix: "longform setup" },
  });
  expect(failure.facts["missing"]?.split(", ")).toEqual(expect.arrayContaining(["torch", "grpcio", "transformers"]));
});

test("an interpreter that is too old is refused with its version", async () => {
  vi.stubEnv("LONGFORM_TRAIN_PYTHON", await interpreter(`echo '{"python": "3.9.18", "torch": "2"}'; exit 0`));
  expect((await thrownBy(environmentVersions("train"))).failure).toMatchObject({
    code: "environment_missing",
    facts: { found: "Python 3.9.18", expected: "Python 3.11 or newer" },
  });
});

test("versions of an environment come without importing its libraries", async () => {
  const versions = await environmentVersions("train");
  expect(versions).toMatchObject({
    python: expect.stringMatching(/^3\.\d+\.\d+/),
    torch: expect.any(String),
    grpcio: expect.any(String),
  });
});

test("an agent that ends before it reports is a failed launch with its last lines", async () => {
  vi.stubEnv(
    "LONGFORM_TRAIN_PYTHON",
    await interpreter(`if [ "$2" = -m ]; then echo "first line"; echo "no memory left" >&2; exit 3; fi`),
  );
  await using agent = await RealAgent.prepare();
  expect((await thrownBy(agent.launch())).failure).toMatchObject({
    code: "launch_failed",
    detail: "first line\nno memory left",
    facts: { exit_code: "3", file: join(agent.runDir, "agent.log") },
  });
  expect(await readdir(agent.runtime.path)).toEqual(["runner.sock"]);
});

test("cancelling while an agent starts leaves nothing", async () => {
  await using agent = await RealAgent.prepare();
  const stop = new AbortController();
  const launching = thrownBy(agent.launch(stop.signal));
  await expect.poll(() => processesOfRun(agent.cookie), { timeout: 5_000 }).toHaveLength(1);
  stop.abort();
  expect((await launching).failure.code).toBe("user_cancel");
  expect(await processesOfRun(agent.cookie)).toEqual([]);
});

test("the agent's death ends its jobs within a moment as node_lost with the signal", async () => {
  await using agent = await RealAgent.start();
  const engine = await agent.worker.openEngine(await agent.scripted("lost", longText), ignore, never);
  const writing = thrownBy(
    engine.generate(textRequest("a"), () => process.kill(agent.worker.handshake.pid, "SIGKILL")),
  );
  const { failure } = await writing;
  expect(failure).toMatchObject({
    code: "node_lost",
    facts: { signal: "SIGKILL", pid: String(agent.worker.handshake.pid) },
  });
  await expect(engine.close()).rejects.toMatchObject({ failure: { code: "node_lost" } });
  await agent.worker[Symbol.asyncDispose]();
  expect(await processesOfRun(agent.cookie)).toEqual([]);
});

test("an agent whose log was deleted is lost all the same", async () => {
  await using agent = await RealAgent.start();
  const running = thrownBy(agent.worker.runJob(await agent.importing("unlogged", 20_000), ignore, never));
  await rm(join(agent.runDir, "agent.log"));
  process.kill(agent.worker.handshake.pid, "SIGKILL");
  expect((await running).failure).toMatchObject({ code: "node_lost", facts: { signal: "SIGKILL" } });
});

test("an agent that nobody can reach any more is lost after the time for it, not at the first silence", async () => {
  await using agent = await RealAgent.start();
  await using reached = await agent.reach({ heartbeatIntervalMs: 50, nodeLostAfterMs: 800 });
  const engine = await reached.worker.openEngine(await agent.scripted("silent", longText), ignore, never);
  let blockedAt = 0;
  const writing = thrownBy(
    engine.generate(textRequest("a"), () => {
      if (blockedAt === 0) reached.way.block();
      blockedAt ||= performance.now();
    }),
  );
  expect((await writing).failure).toMatchObject({
    code: "node_lost",
    facts: { pid: String(agent.worker.handshake.pid) },
  });
  expect(performance.now() - blockedAt).toBeGreaterThan(800);
});

test("an agent that is stopped, with its connection open, is lost after the same time", async () => {
  await using agent = await RealAgent.start();
  const { pid } = agent.worker.handshake;
  await using reached = await agent.reach({ heartbeatIntervalMs: 50, nodeLostAfterMs: 800 });
  const running = thrownBy(reached.worker.runJob(await agent.importing("stopped", 20_000), ignore, never));
  process.kill(pid, "SIGSTOP");
  try {
    expect((await running).failure).toMatchObject({ code: "node_lost", facts: { pid: String(pid) } });
  } finally {
    process.kill(pid, "SIGCONT");
  }
});

test("a runner that another one has replaced is told so, and its jobs end as run_busy", async () => {
  await using agent = await RealAgent.start();
  await using reached = await agent.reach({ heartbeatIntervalMs: 50 });
  const engine = await reached.worker.openEngine(await agent.scripted("fenced", longText), ignore, never);
  const writing = thrownBy(engine.generate(textRequest("a")));
  const { address } = await agent.service.registered("agent-0", never);
  await using successor = await Agent.connect({ address, token, epoch: 2, runnerVersion: "0.1.0" }, never);
  expect(successor.handshake.epoch).toBe(2);
  expect((await writing).failure.code).toBe("run_busy");
});

test.each(["asks", "cannot ask"])(
  "a successor that %s ends the agent of a dead runner and its engines",
  async (way) => {
    await using agent = await RealAgent.start();
    await agent.worker.openEngine(await agent.scripted("left-behind", longText), ignore, never);
    expect(await processesOfRun(agent.cookie)).toHaveLength(2);
    if (way === "cannot ask") await rm(agent.runtime.file("agent-0.1.token"));
    await shutDownPredecessors(agent.runDir, 1);
    expect(await processesOfRun(agent.cookie), "an agent of this epoch is no predecessor").toHaveLength(2);
    await shutDownPredecessors(agent.runDir, 2);
    expect(await processesOfRun(agent.cookie)).toEqual([]);
    await expect(access(join(agent.runDir, "agents.json"))).rejects.toMatchObject({ code: "ENOENT" });
    const log = await readFile(join(agent.runDir, "agent.log"), "utf8");
    expect(log.includes("the runner ended this agent")).toBe(way === "asks");
  },
);
