import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LIVE_TOPIC, type LiveFrame, loadZeroMq, type Publisher, subscribeLive } from "../../sdk/client/live.js";
import { LiveView } from "../../runners/live/live-view.js";
import { never, RealAgent, textRequest } from "../contract/real-agent.js";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "longform-live-"));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

const patience = { timeout: 10_000 };
const stageOf = (jobId: string) => jobId.slice(0, jobId.lastIndexOf("@"));

async function openView(): Promise<LiveView> {
  const view = await LiveView.open(join(folder, "live.sock"), stageOf);
  if (view === undefined) throw new Error("ZeroMQ does not load");
  return view;
}

/** What an agent is to the view: a publisher. */
async function publisher(): Promise<Publisher> {
  const library = await loadZeroMq();
  if (library === undefined) throw new Error("ZeroMQ does not load");
  const socket = new library.Publisher({ linger: 0, sendHighWaterMark: 1_000 });
  await socket.bind(`ipc://${join(folder, "agent.sock")}`);
  return socket;
}

const step = (number: number) => ({
  type: "step",
  job_id: "sft@1",
  dropped: 0,
  step: number,
  steps: 20_000,
  loss: 1 / number,
  gradient_norm: 1,
  learning_rate: 1e-4,
  target_tokens: 10,
  tokens: 20,
  data_seconds: 0,
  forward_seconds: 0,
  backward_seconds: 0,
  update_seconds: 0,
  peak_memory_bytes: 1,
});

test("a watcher sees what an engine writes, under the name of its stage", async () => {
  await using agent = await RealAgent.start();
  await using view = await openView();
  view.follow(agent.worker.handshake.liveEndpoint);
  const stop = new AbortController();
  const frames: LiveFrame[] = [];
  const watching = subscribeLive(view.endpoint, (frame) => void frames.push(frame), stop.signal);
  const order = {
    ...(await agent.scripted("bench", { default: "Ein Bild. ".repeat(80), tokens_per_second: 400 })),
    jobId: "bench/base@1",
  };
  await using engine = await agent.worker.openEngine(order, () => undefined, never);
  const { text } = await engine.generate(textRequest("deck-1"));
  stop.abort();
  await watching;
  expect(frames.length).toBeGreaterThan(1);
  for (const frame of frames) {
    expect(frame).toMatchObject({ kind: "text", stage: "bench/base", requestId: "deck-1" });
    if (frame.kind === "text") expect(text).toContain(frame.text);
  }
});

test("a flood of frames reaches a watcher as the newest ones, twenty times a second, and the rest is counted", async () => {
  const agent = await publisher();
  await using view = await openView();
  view.follow(`ipc://${join(folder, "agent.sock")}`);
  const stop = new AbortController();
  const seen: { step: number; missed: number }[] = [];
  const watching = subscribeLive(
    view.endpoint,
    (frame, missed) => {
      if (frame.kind === "step") seen.push({ step: frame.step, missed });
    },
    stop.signal,
  );
  // Until both subscriptions have arrived, everything is lost.
  const sendOne = async () => {
    await agent.send([LIVE_TOPIC, JSON.stringify(step(1))]);
    return seen.length;
  };
  await expect.poll(sendOne, patience).toBeGreaterThan(0);
  seen.length = 0;
  const started = performance.now();
  for (let number = 1; number <= 20_000; number += 1) await agent.send([LIVE_TOPIC, JSON.stringify(step(number))]);
  await sleep(300);
  const seconds = (performance.now() - started) / 1000;
  // The last frame of a flood may be one of those that ZeroMQ dropped; the next one after it is not.
  await agent.send([LIVE_TOPIC, JSON.stringify(step(20_000))]);
  await expect.poll(() => seen.at(-1)?.step, patience).toBe(20_000);
  stop.abort();
  await watching;
  agent.close();
  expect(seen.length).toBeLessThanOrEqual(seconds * 20 + 2);
  expect(seen.map((one) => one.step)).toEqual(seen.map((one) => one.step).toSorted((left, right) => left - right));
  expect(view.dropped).toBeGreaterThan(0);
  expect(seen.at(-1)?.missed).toBeGreaterThan(0);
});

test("bytes that are no frame are passed over", async () => {
  const agent = await publisher();
  await using view = await openView();
  view.follow(`ipc://${join(folder, "agent.sock")}`);
  const stop = new AbortController();
  const frames: LiveFrame[] = [];
  const watching = subscribeLive(view.endpoint, (frame) => void frames.push(frame), stop.signal);
  const noFrames = [
    "",
    "{",
    "null",
    JSON.stringify({ ...step(1), loss: "NaN" }),
    JSON.stringify({ ...step(2), job_id: 7 }),
  ];
  const sendAll = async () => {
    for (const body of [...noFrames, JSON.stringify(step(3))]) await agent.send([LIVE_TOPIC, body]);
    return frames.length;
  };
  await expect.poll(sendAll, patience).toBeGreaterThan(2);
  stop.abort();
  await watching;
  agent.close();
  for (const frame of frames) expect(frame).toMatchObject({ kind: "step", stage: "sft", step: 3, learningRate: 1e-4 });
});

test("turned off, there is no live view anywhere and the texts are the same", async () => {
  vi.stubEnv("LONGFORM_LIVE", "0");
  await using agent = await RealAgent.start();
  expect(agent.worker.handshake.liveEndpoint).toBe("");
  expect(await LiveView.open(join(folder, "live.sock"), stageOf)).toBeUndefined();
  await subscribeLive("ipc:///nowhere", () => undefined, never);
  await using engine = await agent.worker.openEngine(
    await agent.scripted("dark", { default: "Ein Bild." }),
    () => undefined,
    never,
  );
  expect(await engine.generate(textRequest("deck-1"))).toMatchObject({ finish: "stop", text: "Ein Bild." });
});
