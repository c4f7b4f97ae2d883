import { afterAll, beforeAll, expect, test } from "vitest";
import { processesOfRun } from "../../runners/launch/processes.js";
import type { JobEvent } from "../../runners/workers/job-event.js";
import { comparable, never, RealAgent, textRequest } from "./real-agent.js";

let agent: RealAgent;
beforeAll(async () => {
  agent = await RealAgent.start();
});
afterAll(() => agent[Symbol.asyncDispose]());

const ids = Array.from({ length: 24 }, (_, index) => `deck-${index}`);
const texts = Object.fromEntries(
  ids.map((id, index) => [id, `${id}: ${"Ein Bild 图像 🙂. ".repeat(3 + (index % 7))}`]),
);
const ignore = () => undefined;

test("many requests are in flight over one stream, and each gets its own text", async () => {
  const events: JobEvent[] = [];
  const order = await agent.scripted("many", { texts, tokens_per_second: 2_000 });
  const engine = await agent.worker.openEngine(order, (event) => void events.push(event), never);
  const previews = new Map<string, string>();
  const finished = await Promise.all(
    ids.map((id) =>
      engine.generate(textRequest(id), ({ text }) => previews.set(id, `${previews.get(id) ?? ""}${text}`)),
    ),
  );
  await engine.close();
  expect(finished.map(({ text }) => text)).toEqual(ids.map((id) => texts[id]));
  expect(
    finished.every(
      ({ finish, promptTokens, outputTokens }) => finish === "stop" && promptTokens > 0 && outputTokens > 0,
    ),
  ).toBe(true);
  for (const [id, preview] of previews) expect(texts[id]?.startsWith(preview), id).toBe(true);
  expect(events.map(comparable)).toContainEqual({ type: "ready", loadSeconds: 0 });
  expect(events.at(-1)).toEqual({ type: "done", done: { kind: "generated", requests: 24 } });
});

test("a stream that is cut while texts are written loses and repeats none of them", async () => {
  await using reached = await agent.reach();
  const order = await agent.scripted("cut", { texts, tokens_per_second: 100 });
  const events: JobEvent[] = [];
  const engine = await reached.worker.openEngine(order, (event) => void events.push(event), never);
  const cutting = setInterval(() => reached.way.cut(), 150);
  const answers = new Map<string, number>();
  const finished = await Promise.all(
    ids.map(async (id) => {
      const answer = await engine.generate(textRequest(id));
      answers.set(id, (answers.get(id) ?? 0) + 1);
      return answer;
    }),
  );
  clearInterval(cutting);
  expect(reached.way.cuts).toBeGreaterThan(2);
  expect(finished.map(({ text }) => text)).toEqual(ids.map((id) => texts[id]));
  expect([...answers.values()]).toEqual(ids.map(() => 1));
  // Closing works over a stream on which nothing was asked, too.
  reached.way.cut();
  await engine.close();
  expect(events.at(-1)).toMatchObject({ type: "done", done: { kind: "generated" } });
});

test("an engine that nobody asked anything closes", async () => {
  const order = await agent.scripted("idle", { texts });
  const engine = await agent.worker.openEngine(order, ignore, never);
  await engine.close();
  await expect(engine.generate(textRequest("deck-1"))).rejects.toMatchObject({ name: "RunError" });
});

test("a request that is given up comes back with what was written, and the others go on", async () => {
  const order = await agent.scripted("given-up", { default: "y".repeat(400), tokens_per_second: 400 });
  const engine = await agent.worker.openEngine(order, ignore, never);
  const stop = new AbortController();
  const [given, kept] = await Promise.all([
    engine.generate(textRequest("a"), () => stop.abort(), stop.signal),
    engine.generate(textRequest("b")),
  ]);
  await engine.close();
  expect(given.finish).toBe("abort");
  expect("y".repeat(400).startsWith(given.text)).toBe(true);
  expect(given.text.length).toBeLessThan(400);
  expect(kept).toMatchObject({ finish: "stop", text: "y".repeat(400) });
});

test("the failure of one request is its answer and leaves the engine alive", async () => {
  const order = await agent.scripted("one-fails", {
    default: "fine",
    faults: [{ kind: "request_error", request: "bad", after_tokens: 2, failure: "device_oom" }],
  });
  const engine = await agent.worker.openEngine(order, ignore, never);
  const [bad, good] = await Promise.all([engine.generate(textRequest("bad")), engine.generate(textRequest("good"))]);
  await engine.close();
  expect(bad).toMatchObject({ finish: "error", failure: { code: "device_oom" } });
  expect(good).toMatchObject({ finish: "stop", text: "fine" });
  expect(good.failure).toBeUndefined();
});

test.each([
  [
    { kind: "signal", signal: "SIGSEGV", after_tokens: 20 },
    { code: "signal", facts: { signal: "SIGSEGV" } },
  ],
  [
    { kind: "exit", code: 7, after_tokens: 20 },
    { code: "exit_code", facts: { exit_code: "7" } },
  ],
  [{ kind: "error", failure: "device_oom", after_tokens: 20 }, { code: "device_oom" }],
])("an engine that dies by %o rejects everything in flight with the reason", async (fault, failure) => {
  const order = await agent.scripted(`dies-${fault.kind}`, {
    default: "z".repeat(300),
    tokens_per_second: 100,
    faults: [fault],
  });
  const engine = await agent.worker.openEngine(order, ignore, never);
  const outcomes = await Promise.allSettled(["a", "b", "c"].map((id) => engine.generate(textRequest(id))));
  for (const outcome of outcomes) expect(outcome).toMatchObject({ status: "rejected", reason: { failure } });
  await expect(engine.close()).rejects.toMatchObject({ failure });
  await expect(engine.generate(textRequest("late"))).rejects.toMatchObject({ failure });
  expect(await processesOfRun(agent.cookie)).toEqual([agent.worker.handshake.pid]);
});

test("an engine that dies while loading rejects opening it", async () => {
  const order = await agent.scripted("dies-loading", { faults: [{ kind: "exit", code: 3, loading: true }] });
  await expect(agent.worker.openEngine(order, ignore, never)).rejects.toMatchObject({ failure: { code: "exit_code" } });
});

test("an engine whose scope is left in the middle of a text is gone", async () => {
  const order = await agent.scripted("left", { default: "w".repeat(4_000), tokens_per_second: 50 });
  let writing: Promise<unknown>;
  {
    await using engine = await agent.worker.openEngine(order, ignore, never);
    writing = engine.generate(textRequest("a")).catch((error: unknown) => error);
  }
  expect(await writing).toMatchObject({ failure: { code: "user_cancel" } });
  expect(await processesOfRun(agent.cookie)).toEqual([agent.worker.handshake.pid]);
});
