import { mkdtemp, rm, stat } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { RpcError, WireClient } from "../../sdk/client/grpc.js";
import { RunnerClient } from "../../sdk/client/runner-client.js";
import { registerAgent, type RunEventLine } from "../../sdk/client/runner-messages.js";
import { RunError } from "../../sdk/failure/failure.js";
import { RunnerService, type ServedRun } from "../../runners/service/runner-service.js";

const token = "the-token-of-this-run";
const signal = new AbortController().signal;
let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "longform-service-"));
});
afterEach(() => rm(folder, { recursive: true }));

function runOf(lines: readonly string[], more: Partial<ServedRun> = {}): ServedRun {
  return {
    runId: "toy-20261125-071409-ab12",
    epoch: 3,
    lastSeq: () => lines.length,
    async *tail(afterSeq) {
      for (const [index, line] of lines.entries()) if (index >= afterSeq) yield { seq: index + 1, line };
    },
    cancel: async () => true,
    liveEndpoint: () => "",
    ...more,
  };
}

async function startService(run: ServedRun, listen?: string): Promise<RunnerService> {
  return await RunnerService.start({ socketPath: join(folder, "runner.sock"), listen, token, run });
}

async function watched(client: RunnerClient, afterSeq: number): Promise<RunEventLine[]> {
  const events: RunEventLine[] = [];
  for await (const event of client.watch(afterSeq, signal)) events.push(event);
  return events;
}

test("a client sees where the run stands and every event after the one it has", async () => {
  await using service = await startService(runOf(["one", "zwei 二", "three"]));
  await using client = await RunnerClient.open({ address: service.address, token });
  expect(await client.get()).toEqual({
    runId: "toy-20261125-071409-ab12",
    epoch: 3,
    lastSeq: 3,
    pid: process.pid,
    liveEndpoint: "",
  });
  expect(await watched(client, 1)).toEqual([
    { seq: 2, line: "zwei 二" },
    { seq: 3, line: "three" },
  ]);
});

test("the socket is its owner's alone, and calls without the token are refused", async () => {
  await using service = await startService(runOf(["one"]));
  expect((await stat(join(folder, "runner.sock"))).mode & 0o777).toBe(0o600);
  for (const wrong of ["", "the-token-of-this-ruN", `${token} `]) {
    await using client = await RunnerClient.open({ address: service.address, token: wrong });
    await expect(client.get()).rejects.toMatchObject({ name: "RpcError", status: "UNAUTHENTICATED" });
    await expect(client.cancel("no")).rejects.toMatchObject({ status: "UNAUTHENTICATED" });
    await expect(watched(client, 0)).rejects.toMatchObject({ status: "UNAUTHENTICATED" });
  }
});

test("a wish to cancel reaches the run with its reason", async () => {
  const reasons: string[] = [];
  const run = runOf([], { cancel: async (reason) => reasons.push(reason) === 1 });
  await using service = await startService(run);
  await using client = await RunnerClient.open({ address: service.address, token });
  expect(await client.cancel("longform cancel by me")).toBe(true);
  expect(await client.cancel("again")).toBe(false);
  expect(reasons).toEqual(["longform cancel by me", "again"]);
});

test("an agent of this epoch is registered, one of an earlier epoch is refused", async () => {
  await using service = await startService(runOf([]));
  await using agent = await WireClient.open({ address: service.address, token });
  const report = { agentId: "agent-0", address: "unix:/a.sock", workerVersion: "0.1.0", pid: 42 };
  const waiting = service.registered("agent-0", signal);
  await expect(agent.unary(registerAgent, { ...report, epoch: 2 })).rejects.toMatchObject({
    status: "FAILED_PRECONDITION",
  });
  expect(await agent.unary(registerAgent, { ...report, epoch: 3 })).toEqual({ epoch: 3 });
  expect(await waiting).toEqual({ ...report, epoch: 3 });
  await expect(service.registered("agent-1", AbortSignal.timeout(20))).rejects.toMatchObject({ name: "TimeoutError" });
});

test("a slow watcher holds the source back instead of filling memory", async () => {
  const line = "x".repeat(64 * 1024);
  let produced = 0;
  const run = runOf([], {
    async *tail() {
      for (; produced < 2_000; produced += 1) yield { seq: produced + 1, line };
    },
  });
  await using service = await startService(run);
  await using client = await RunnerClient.open({ address: service.address, token });
  let seen = 0;
  for await (const event of client.watch(0, signal)) {
    seen = event.seq;
    if (seen <= 20) await new Promise((resolve) => setTimeout(resolve, 10));
    // What lies between the two ends: buffers of sockets and streams, a few megabytes.
    if (seen === 20) expect(produced).toBeLessThan(400);
  }
  expect(seen).toBe(2_000);
});

test("a client that stops watching ends the run's source", async () => {
  let ended = false;
  const run = runOf([], {
    async *tail(_, gone) {
      yield { seq: 1, line: "one" };
      await new Promise((resolve) => gone.addEventListener("abort", resolve));
      ended = true;
    },
  });
  await using service = await startService(run);
  await using client = await RunnerClient.open({ address: service.address, token });
  for await (const event of client.watch(0, signal)) {
    expect(event.line).toBe("one");
    break;
  }
  await expect.poll(() => ended).toBe(true);
});

test("a damaged store ends a watcher's stream as data loss", async () => {
  const run = runOf([], {
    // oxlint-disable-next-line require-yield -- fails before its first event
    async *tail() {
      throw new RunError({ code: "store_corrupt", facts: { file: "events/000001.jsonl", offset: 12 } });
    },
  });
  await using service = await startService(run);
  await using client = await RunnerClient.open({ address: service.address, token });
  await expect(watched(client, 0)).rejects.toMatchObject({ status: "DATA_LOSS" });
});

test("a message that is larger than one may be is refused with its size before it is sent", async () => {
  await using service = await startService(runOf([]));
  await using client = await RunnerClient.open({ address: service.address, token });
  const error = await client.cancel("x".repeat(16_777_216)).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(RunError);
  expect(error).toMatchObject({ failure: { code: "data_refused", facts: { bytes: "16777221", limit: "16777216" } } });
});

test("a loopback address is served as well; one that is taken, or leaves this machine, is refused", async () => {
  await using service = await startService(runOf(["one"]), "127.0.0.1:0");
  expect(service.listening).toMatch(/^127\.0\.0\.1:[1-9]\d+$/);
  await using client = await RunnerClient.open({ address: service.listening ?? "", token });
  expect(await watched(client, 0)).toHaveLength(1);

  const other = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => other.once("listening", resolve));
  const taken = other.address();
  if (taken === null || typeof taken === "string") throw new Error("no port");
  const start = (listen: string) =>
    RunnerService.start({ socketPath: join(folder, "other.sock"), listen, token, run: runOf([]) });
  await expect(start(`127.0.0.1:${taken.port}`)).rejects.toMatchObject({
    failure: { code: "address_in_use", facts: { address: `127.0.0.1:${taken.port}` } },
  });
  await expect(start("0.0.0.0:8080")).rejects.toMatchObject({
    failure: { code: "spec_refused", facts: { found: "0.0.0.0:8080" } },
  });
  other.close();
});

test("a runner that is gone is UNAVAILABLE to its clients", async () => {
  const service = await startService(runOf([]));
  await using client = await RunnerClient.open({ address: service.address, token });
  await client.get();
  await service.close();
  await expect(client.get()).rejects.toBeInstanceOf(RpcError);
  await expect(client.get()).rejects.toMatchObject({ status: "UNAVAILABLE" });
});
