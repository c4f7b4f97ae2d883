import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { EventLog } from "../../runners/store/event-log.js";
import { RunError } from "../../sdk/failure/failure.js";
import type { StoredEvent } from "../../sdk/run-folder/events.js";
import { readEvents } from "../../sdk/run-folder/read-events.js";
import { collect, numbered } from "../store/events.js";
import { temporaryFolder } from "../store/temporary-folder.js";

const LINE_END = 0x0a;
const options = { epoch: 1, takenAway: async () => undefined };

interface SmallLog {
  readonly events: readonly StoredEvent[];
  readonly segments: readonly { readonly name: string; readonly content: Buffer; readonly firstSeq: number }[];
}

/** Five events in two segments: three and two. */
let log: SmallLog;

beforeAll(async () => {
  const home = mkdtempSync(join(tmpdir(), "longform-log-"));
  const runDir = join(home, "run");
  const folder = join(runDir, "events");
  const first = await EventLog.open(folder, options);
  await Promise.all([1, 2, 3].map(async (number) => await first.append(numbered(number))));
  await first.close();
  const second = await EventLog.open(folder, { ...options, epoch: 2 });
  await Promise.all([4, 5].map(async (number) => await second.append(numbered(number))));
  await second.close();
  const segments = readdirSync(folder)
    .toSorted()
    .map((name, index) => ({ name, content: readFileSync(join(folder, name)), firstSeq: index === 0 ? 1 : 4 }));
  log = { events: await collect(readEvents(runDir, 0)), segments };
  rmSync(home, { recursive: true });
});

function writeLog(runDir: string, replaced: string, content: Buffer): void {
  mkdirSync(join(runDir, "events"), { recursive: true });
  for (const segment of log.segments)
    writeFileSync(join(runDir, "events", segment.name), segment.name === replaced ? content : segment.content);
}

interface Outcome {
  readonly events: readonly StoredEvent[];
  readonly failure: unknown;
}

async function read(runDir: string, afterSeq = 0): Promise<Outcome> {
  const events: StoredEvent[] = [];
  try {
    for await (const event of readEvents(runDir, afterSeq)) events.push(event);
  } catch (error) {
    return { events, failure: error };
  }
  return { events, failure: undefined };
}

/** The line that a byte belongs to, counted from 0, and where it starts. The line end belongs to its line. */
function lineAt(content: Buffer, byte: number): { readonly index: number; readonly offset: number } {
  const before = content.subarray(0, byte);
  return {
    index: before.reduce((lines, value) => lines + (value === LINE_END ? 1 : 0), 0),
    offset: before.lastIndexOf(LINE_END) + 1,
  };
}

test("the log that is damaged here is five events in two segments", () => {
  expect(log.events.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
  expect(log.segments.map(({ name }) => name)).toEqual(["000000000001-000001.jsonl", "000000000004-000002.jsonl"]);
});

test("a bit flipped in any byte is a typed error with segment and offset, after all events before it and none else", async () => {
  const runDir = join(temporaryFolder(), "run");
  let flips = 0;
  for (const { name, content, firstSeq } of log.segments) {
    for (let byte = 0; byte < content.length; byte += 1) {
      const { index, offset } = lineAt(content, byte);
      // Every bit of a line end, and of each other byte one: all eight of every byte take minutes and were tried.
      const bits = content.readUInt8(byte) === LINE_END ? [0, 1, 2, 3, 4, 5, 6, 7] : [byte % 8];
      for (const bit of bits) {
        const damaged = Buffer.from(content);
        damaged.writeUInt8(content.readUInt8(byte) ^ (1 << bit), byte);
        writeLog(runDir, name, damaged);
        const { events, failure } = await read(runDir);
        const where = `${name} byte ${byte} bit ${bit}`;
        if (!(failure instanceof RunError)) throw new Error(`${where}: ${String(failure)}`);
        expect(failure.failure, where).toMatchObject({
          code: "store_corrupt",
          facts: { segment: name, offset: String(offset) },
        });
        expect(events, where).toEqual(log.events.slice(0, firstSeq - 1 + index));
        flips += 1;
      }
    }
  }
  expect(flips).toBeGreaterThan(1_000);
}, 120_000);

test("the last segment cut at any byte gives the whole events before it; opening cuts the rest, says so, and goes on", async () => {
  const segment = log.segments[1];
  if (segment === undefined) throw new Error("two segments are expected");
  for (let length = 0; length < segment.content.length; length += 1) {
    const runDir = join(temporaryFolder(), "run");
    writeLog(runDir, segment.name, segment.content.subarray(0, length));
    const { index, offset } = lineAt(segment.content, length);
    const whole = log.events.slice(0, 3 + index);
    expect(await read(runDir), `length ${length}`).toEqual({ events: whole, failure: undefined });
    const opened = await EventLog.open(join(runDir, "events"), { ...options, epoch: 3 });
    if (length === offset) expect(opened.cut).toBeUndefined();
    else expect(opened.cut).toMatchObject({ segment: segment.name, offset, bytes: length - offset });
    const added = await opened.append(numbered(99));
    await opened.close();
    expect(await read(runDir), `length ${length}`).toEqual({ events: [...whole, added], failure: undefined });
  }
}, 120_000);

test("an earlier segment cut at any byte is a typed error, after all whole events before the cut", async () => {
  const segment = log.segments[0];
  if (segment === undefined) throw new Error("two segments are expected");
  const runDir = join(temporaryFolder(), "run");
  for (let length = 0; length < segment.content.length; length += 1) {
    writeLog(runDir, segment.name, segment.content.subarray(0, length));
    const { index, offset } = lineAt(segment.content, length);
    const { events, failure } = await read(runDir);
    expect(events, `length ${length}`).toEqual(log.events.slice(0, index));
    expect(failure, `length ${length}`).toMatchObject({
      failure: { code: "store_corrupt", facts: { segment: segment.name, offset: String(offset) } },
    });
  }
}, 120_000);

test("a line that is missing, doubled or exchanged with its neighbour is a typed error", async () => {
  const segment = log.segments[0];
  if (segment === undefined) throw new Error("two segments are expected");
  const lines = segment.content.toString().split("\n").slice(0, -1);
  const [one = "", two = "", three = ""] = lines;
  for (const changed of [
    [one, three],
    [two, three],
    [one, two, two, three],
    [one, three, two],
    [one, one],
  ]) {
    const runDir = join(temporaryFolder(), "run");
    writeLog(runDir, segment.name, Buffer.from(changed.map((line) => `${line}\n`).join("")));
    expect((await read(runDir)).failure).toMatchObject({ failure: { code: "store_corrupt" } });
  }
});

test("a missing segment, at the beginning or in the middle, is a typed error", async () => {
  const runDir = join(temporaryFolder(), "run");
  mkdirSync(join(runDir, "events"), { recursive: true });
  const last = log.segments[1];
  if (last === undefined) throw new Error("two segments are expected");
  writeFileSync(join(runDir, "events", last.name), last.content);
  const { events, failure } = await read(runDir);
  expect(events).toEqual([]);
  expect(failure).toMatchObject({ failure: { code: "store_corrupt", facts: { found: "the log begins at event 4" } } });
});

test("reading may begin after any event, and does not read earlier segments", async () => {
  const runDir = join(temporaryFolder(), "run");
  const first = log.segments[0];
  if (first === undefined) throw new Error("two segments are expected");
  writeLog(runDir, first.name, first.content);
  for (let after = 0; after <= 6; after += 1)
    expect((await read(runDir, after)).events).toEqual(log.events.slice(after));
  writeLog(runDir, first.name, Buffer.alloc(first.content.length));
  expect(await read(runDir, 3)).toEqual({ events: log.events.slice(3), failure: undefined });
  expect((await read(runDir, 2)).failure).toMatchObject({ failure: { code: "store_corrupt" } });
});

test("a run without events has none", async () => {
  expect(await read(join(temporaryFolder(), "run"))).toEqual({ events: [], failure: undefined });
});
