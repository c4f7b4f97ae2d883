import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect, test } from "vitest";
import { openRun } from "../../runners/store/run-store.js";
import type { StoredEvent } from "../../sdk/run-folder/events.js";
import { followEvents } from "../../sdk/run-folder/read-events.js";
import { bundleProgram, nextLine, startChild } from "../store/child.js";
import { numbered, numbersOf } from "../store/events.js";
import { temporaryFolder } from "../store/temporary-folder.js";

const program = bundleProgram("appending-program.ts");
const me = { host: "here.example", pid: process.pid, version: "0.0.0-test" };

function newRun(): string {
  const runDir = join(temporaryFolder(), "run");
  mkdirSync(runDir);
  return runDir;
}

test("following gives what is stored, then every new event over all segments, and ends with the run", async () => {
  const runDir = newRun();
  const store = await openRun(runDir, { ...me, maxSegmentBytes: 1_000 });
  await store.append(numbered(0));
  const followed: StoredEvent[] = [];
  const following = (async () => {
    for await (const event of followEvents(runDir, 0, new AbortController().signal)) followed.push(event);
  })();
  for (let number = 1; number < 40; number += 1) {
    await store.append(numbered(number));
    await setTimeout(10);
  }
  expect(followed.length).toBeGreaterThan(0);
  await store.append({ type: "run_finished", seconds: 1 });
  await store.finish({ state: "finished", epoch: 1, time: new Date().toISOString() });
  await store.close();
  await following;
  expect(followed.map(({ seq }) => seq)).toEqual(Array.from({ length: 41 }, (_, index) => index + 1));
  expect(followed.at(-1)?.event.type).toBe("run_finished");
});

test("following ends after the last stored event when the runner is killed", async () => {
  const runDir = newRun();
  const child = startChild(program, runDir);
  await nextLine(child);
  setTimeout(100).then(
    () => child.process.kill("SIGKILL"),
    () => undefined,
  );
  const followed: StoredEvent[] = [];
  for await (const event of followEvents(runDir, 0, new AbortController().signal)) followed.push(event);
  await child.ended;
  const acknowledged = child.seen.slice(1).map(Number);
  expect(acknowledged.length).toBeGreaterThan(0);
  expect(numbersOf(followed).slice(0, acknowledged.length)).toEqual(acknowledged);
});

test("following ends with its signal", async () => {
  const runDir = newRun();
  await using store = await openRun(runDir, me);
  await store.append(numbered(0));
  const stop = new AbortController();
  const following = followEvents(runDir, 0, stop.signal);
  expect((await following.next()).value).toMatchObject({ seq: 1 });
  const next = following.next();
  stop.abort();
  expect(await next).toEqual({ done: true, value: undefined });
});
