import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect, test } from "vitest";
import { EventLog, type TailLine } from "../../runners/store/event-log.js";
import { failureOf, RunError } from "../../sdk/failure/failure.js";
import { StoredEvent } from "../../sdk/run-folder/events.js";
import { readEvents } from "../../sdk/run-folder/read-events.js";
import { collect, numbered, numbersOf } from "./events.js";
import { smallDisk } from "./small-disk.js";
import { temporaryFolder } from "./temporary-folder.js";

const options = { epoch: 1, takenAway: async () => undefined };

async function appendAll(log: EventLog, from: number, count: number): Promise<StoredEvent[]> {
  return await Promise.all(Array.from({ length: count }, async (_, index) => await log.append(numbered(from + index))));
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

test("events are stored in the order of the calls, numbered from 1 without a gap, each naming the hash of the one before", async () => {
  const runDir = temporaryFolder();
  await using log = await EventLog.open(join(runDir, "events"), options);
  const acknowledged = await appendAll(log, 0, 500);
  expect(acknowledged.map(({ seq }) => seq)).toEqual(upTo(500).map((index) => index + 1));
  const read = await collect(readEvents(runDir, 0));
  expect(read).toEqual(acknowledged);
  expect(read[0]?.previous).toBe("0".repeat(64));
  const lines = readFileSync(join(runDir, "events", readdirSync(join(runDir, "events"))[0] ?? ""), "utf8")
    .trimEnd()
    .split("\n");
  const hashes = lines.map((line) => /"hash":"([0-9a-f]{64})"\}$/.exec(line)?.[1]);
  expect(read.slice(1).map(({ previous }) => previous)).toEqual(hashes.slice(0, -1));
});

test("an acknowledged event is in the file, whole, when its append resolves", async () => {
  const folder = join(temporaryFolder(), "events");
  await using log = await EventLog.open(folder, options);
  for (const number of upTo(20)) {
    const stored = await log.append(numbered(number));
    const content = readFileSync(join(folder, readdirSync(folder)[0] ?? ""), "utf8");
    expect(content.endsWith("\n") && content.includes(`{"seq":${stored.seq},`)).toBe(true);
  }
});

test("an event that does not fit its schema is refused before anything is written, and the log goes on", async () => {
  const folder = join(temporaryFolder(), "events");
  await using log = await EventLog.open(folder, options);
  await expect(log.append({ type: "run_finished", seconds: Number.NaN })).rejects.toThrow();
  expect(readdirSync(folder)).toEqual([]);
  expect((await log.append(numbered(1))).seq).toBe(1);
});

test("segments are named for their first event and turned over by size; reading and tailing cross them", async () => {
  const runDir = temporaryFolder();
  const folder = join(runDir, "events");
  await using log = await EventLog.open(folder, { ...options, maxSegmentBytes: 2_000 });
  for (let number = 0; number < 60; number += 3) await appendAll(log, number, 3);
  const names = readdirSync(folder).toSorted();
  expect(names.length).toBeGreaterThan(4);
  for (const name of names.slice(0, -1)) expect(statSync(join(folder, name)).size).toBeLessThan(2_000 + 3 * 400);
  for (const name of names)
    expect(readFileSync(join(folder, name), "utf8")).toMatch(new RegExp(`^\\{"seq":${Number.parseInt(name, 10)},`));
  expect(numbersOf(await collect(readEvents(runDir, 0)))).toEqual(upTo(60));
  expect(numbersOf(log.stored())).toEqual(upTo(60));
  const tail = log.tail(17, new AbortController().signal);
  for (const seq of upTo(43)) expect((await tail.next()).value).toMatchObject({ seq: seq + 18 });
  await tail.return(undefined);
});

test("a reopened log goes on with the next number in a segment of its own epoch", async () => {
  const runDir = temporaryFolder();
  const folder = join(runDir, "events");
  const first = await EventLog.open(folder, options);
  await appendAll(first, 0, 4);
  await first.close();
  await expect(first.append(numbered(9))).rejects.toThrow(/closed/);
  await using second = await EventLog.open(folder, { ...options, epoch: 7 });
  expect(second.seq).toBe(4);
  expect(second.last?.event).toEqual(numbered(3));
  expect(await second.append(numbered(4))).toMatchObject({ seq: 5, epoch: 7 });
  expect(readdirSync(folder).toSorted()).toEqual(["000000000001-000001.jsonl", "000000000005-000007.jsonl"]);
  expect(numbersOf(await collect(readEvents(runDir, 0)))).toEqual(upTo(5));
});

test("a writer that died between making a segment and writing to it leaves nothing in the way", async () => {
  const runDir = temporaryFolder();
  const folder = join(runDir, "events");
  await (await EventLog.open(folder, options)).close();
  writeFileSync(join(folder, "000000000001-000001.jsonl"), "");
  await using log = await EventLog.open(folder, { ...options, epoch: 2 });
  await appendAll(log, 0, 2);
  expect(numbersOf(await collect(readEvents(runDir, 0)))).toEqual([0, 1]);
});

test("a tail gives what is stored, then each new event once, and ends with its signal or its writer", async () => {
  const log = await EventLog.open(join(temporaryFolder(), "events"), options);
  await appendAll(log, 0, 3);
  const stop = new AbortController();
  const all: TailLine[] = [];
  const some: TailLine[] = [];
  const reading = (async () => {
    for await (const line of log.tail(0, new AbortController().signal)) all.push(line);
  })();
  const stopped = (async () => {
    for await (const line of log.tail(2, stop.signal)) some.push(line);
  })();
  await appendAll(log, 3, 2_500);
  while (some.length < 2_501) await setTimeout(5);
  stop.abort();
  await stopped;
  await appendAll(log, 2_503, 1);
  await log.close();
  await reading;
  expect(all.map(({ seq }) => seq)).toEqual(upTo(2_504).map((index) => index + 1));
  expect(numbersOf(all.map(({ line }) => StoredEvent.parse(JSON.parse(line))))).toEqual(upTo(2_504));
  expect(some.map(({ seq }) => seq)).toEqual(upTo(2_501).map((index) => index + 3));
});

test("a tail never shows an event that does not count yet", async () => {
  let allow = (): void => {};
  const checked = new Promise<void>((resolve) => (allow = resolve));
  const folder = join(temporaryFolder(), "events");
  const log = await EventLog.open(folder, { epoch: 1, takenAway: async () => await checked.then(() => undefined) });
  const tail = log.tail(0, new AbortController().signal);
  const appended = log.append(numbered(1));
  const shown = tail.next();
  while (!existsSync(folder) || readdirSync(folder).length === 0) await setTimeout(5);
  expect(await Promise.race([shown, setTimeout(50, "nothing yet")])).toBe("nothing yet");
  allow();
  expect((await shown).value).toMatchObject({ seq: (await appended).seq });
  await log.close();
});

test("a writer that has lost the run acknowledges nothing more", async () => {
  const reasons: RunError[] = [];
  await using log = await EventLog.open(join(temporaryFolder(), "events"), {
    epoch: 1,
    takenAway: async () => reasons[0],
  });
  await log.append(numbered(0));
  const failure = new RunError({ code: "run_busy", facts: { pid: 1, host: "far.example" } });
  reasons.push(failure);
  await expect(appendAll(log, 1, 3)).rejects.toBe(failure);
  await expect(log.append(numbered(4))).rejects.toBe(failure);
  expect(log.seq).toBe(1);
  expect(numbersOf(log.stored())).toEqual([0]);
});

test("on a full disk whole events stay, the rest is refused by name, and the log goes on when there is space", async (context) => {
  const runDir = smallDisk(context, 256 * 1024);
  const ballast = join(runDir, "ballast");
  writeFileSync(ballast, Buffer.alloc(128 * 1024));
  const folder = join(runDir, "events");
  const log = await EventLog.open(folder, options);
  const results = await Promise.allSettled(
    Array.from({ length: 600 }, async (_, number) => await log.append(numbered(number))),
  );
  const acknowledged = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  expect(acknowledged.length).toBeGreaterThan(100);
  expect(acknowledged.length).toBeLessThan(600);
  const refused = results
    .slice(acknowledged.length)
    .map((result) => (result.status === "rejected" ? failureOf(result.reason) : undefined));
  for (const failure of refused)
    expect(failure).toMatchObject({ code: "disk_full", facts: { file: join(folder, "000000000001-000001.jsonl") } });
  expect(await collect(readEvents(runDir, 0))).toEqual(acknowledged);
  expect(failureOf(await log.append(numbered(7)).catch((error: unknown) => error)).code).toBe("disk_full");
  rmSync(ballast);
  expect((await log.append({ type: "run_failed", failure: { code: "disk_full", facts: {} } })).seq).toBe(
    acknowledged.length + 1,
  );
  await log.close();
  expect(await collect(readEvents(runDir, acknowledged.length))).toHaveLength(1);
});

test("opening a damaged log is refused with segment and offset, and changes nothing", async () => {
  const folder = join(temporaryFolder(), "events");
  const log = await EventLog.open(folder, options);
  await appendAll(log, 0, 3);
  await log.close();
  const path = join(folder, "000000000001-000001.jsonl");
  const content = readFileSync(path);
  content.writeUInt8(content.readUInt8(100) ^ 1, 100);
  writeFileSync(path, content);
  appendFileSync(path, "torn");
  const failure = failureOf(await EventLog.open(folder, { ...options, epoch: 2 }).catch((error: unknown) => error));
  expect(failure).toMatchObject({
    code: "store_corrupt",
    facts: { segment: "000000000001-000001.jsonl", offset: "0" },
  });
  expect(readFileSync(path)).toHaveLength(content.length + 4);
});

test("a line of many megabytes is stored and read", async () => {
  const runDir = temporaryFolder();
  await using log = await EventLog.open(join(runDir, "events"), options);
  const text = "行".repeat(3_000_000);
  await log.append({ type: "log", stage: "sft", stream: "stdout", text });
  await log.append(numbered(1));
  const [first, second] = await collect(readEvents(runDir, 0));
  expect(first?.event.type === "log" && first.event.text === text).toBe(true);
  expect(second?.event).toEqual(numbered(1));
});
