import { existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect, test } from "vitest";
import { Lease } from "../../runners/store/lease.js";
import { openRun } from "../../runners/store/run-store.js";
import { type Failure, failureOf } from "../../sdk/failure/failure.js";
import { LeaseRecord, leasePath } from "../../sdk/run-folder/lease-record.js";
import { readEvents } from "../../sdk/run-folder/read-events.js";
import { bundleProgram, nextLine, startChild } from "./child.js";
import { collect, numbered, numbersOf } from "./events.js";
import { temporaryFolder } from "./temporary-folder.js";

const program = bundleProgram("appending-program.ts");
const me = { host: hostname(), pid: process.pid, version: "0.0.0-test" };
const ELSEWHERE = "another machine";

function newRun(): string {
  const runDir = join(temporaryFolder(), "run");
  mkdirSync(runDir);
  return runDir;
}

async function failureOfOpening(runDir: string, leaseMs = 15_000): Promise<Failure> {
  try {
    const store = await openRun(runDir, { ...me, leaseMs });
    await store.close();
  } catch (error) {
    return failureOf(error);
  }
  throw new Error("the run was opened");
}

function recordOf(runDir: string, epoch: number): LeaseRecord {
  return LeaseRecord.parse(JSON.parse(readFileSync(leasePath(runDir, epoch), "utf8")));
}

test("a second process on a run learns who has it, and gets it at once when the first is killed", async () => {
  const runDir = newRun();
  const child = startChild(program, runDir);
  await nextLine(child);
  const failure = await failureOfOpening(runDir);
  expect(failure.code).toBe("run_busy");
  expect(failure.facts).toMatchObject({ pid: String(child.pid), host: hostname(), epoch: "1" });
  child.process.kill("SIGKILL");
  await child.ended;
  const started = performance.now();
  await using store = await openRun(runDir, me);
  expect(performance.now() - started).toBeLessThan(2_000);
  expect(store.epoch).toBe(2);
});

test("of many that ask at the same time exactly one gets the run", async () => {
  const runDir = newRun();
  const asked = await Promise.allSettled(Array.from({ length: 12 }, async () => await Lease.take(runDir, me)));
  const won = asked.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const lost = asked.flatMap((result) => (result.status === "rejected" ? [failureOf(result.reason).code] : []));
  expect(won.map(({ epoch }) => epoch)).toEqual([1]);
  expect(lost).toEqual(Array.from({ length: 11 }, () => "run_busy"));
  await won[0]?.release();
});

test("a process that got the number of a dead holder is not taken for it", async () => {
  const runDir = newRun();
  const lease = await Lease.take(runDir, me);
  expect((await failureOfOpening(runDir)).code).toBe("run_busy");
  const record = recordOf(runDir, 1);
  writeFileSync(leasePath(runDir, 1), JSON.stringify({ ...record, startTicks: (record.startTicks ?? 0) - 1 }));
  await using store = await openRun(runDir, me);
  expect(store.epoch).toBe(2);
  await lease.release();
});

test("a released run is free at once, also for another machine", async () => {
  const runDir = newRun();
  const first = await Lease.take(runDir, { ...me, processSpace: ELSEWHERE, leaseMs: 60_000 });
  await first.release();
  expect(recordOf(runDir, 1).released).toBe(true);
  const second = await Lease.take(runDir, me);
  expect(second.epoch).toBe(2);
  await second.release();
});

test("a holder on another machine is given up after its lease has shown no renewal, whatever the clocks say", async () => {
  const runDir = newRun();
  await (await Lease.take(runDir, { ...me, processSpace: ELSEWHERE, leaseMs: 400 })).release();
  writeFileSync(leasePath(runDir, 1), JSON.stringify({ ...recordOf(runDir, 1), released: false }));
  // Its clock is far ahead of this machine's: only a change counts.
  utimesSync(leasePath(runDir, 1), new Date("2099-01-01"), new Date("2099-01-01"));
  const started = performance.now();
  const lease = await Lease.take(runDir, me);
  expect(performance.now() - started).toBeGreaterThanOrEqual(400);
  expect(lease.epoch).toBe(2);
  await lease.release();
});

test("a holder on another machine that renews its lease keeps the run", async () => {
  const runDir = newRun();
  await using holder = await Lease.take(runDir, {
    ...me,
    host: "far.example",
    processSpace: ELSEWHERE,
    leaseMs: 1_000,
  });
  const failure = await failureOfOpening(runDir);
  expect(failure).toMatchObject({ code: "run_busy", facts: { host: "far.example", epoch: String(holder.epoch) } });
});

test("a runner that slept through its lease is refused when it wakes, and what it then writes does not count", async () => {
  const runDir = newRun();
  const child = startChild(program, runDir, "0", ELSEWHERE, "500");
  await nextLine(child);
  await setTimeout(100);
  child.process.kill("SIGSTOP");
  const store = await openRun(runDir, me);
  const known = store.lastSeq;
  const mine = await Promise.all([900_001, 900_002].map(async (number) => await store.append(numbered(number))));
  expect(mine.map(({ seq, epoch }) => [seq, epoch])).toEqual([
    [known + 1, 2],
    [known + 2, 2],
  ]);
  child.process.kill("SIGCONT");
  await child.ended;
  expect(child.seen.at(-1)).toBe(`stopped run_busy ${process.pid} true`);
  await store.append(numbered(900_003));
  const numbers = numbersOf(await collect(readEvents(runDir, 0)));
  expect(numbers.slice(known)).toEqual([900_001, 900_002, 900_003]);
  const acknowledged = child.seen.slice(1, -1).map(Number);
  expect(numbers.slice(0, acknowledged.length)).toEqual(acknowledged);
  expect(numbersOf(store.stored())).toEqual(numbers);
  await store.close();
});

test("a holder is told that it has lost the run, without appending", async () => {
  const runDir = newRun();
  await using holder = await openRun(runDir, { ...me, leaseMs: 200 });
  writeFileSync(leasePath(runDir, 2), JSON.stringify({ ...recordOf(runDir, 1), epoch: 2, host: "far.example" }));
  if (!holder.lost.aborted) await new Promise((resolve) => holder.lost.addEventListener("abort", resolve));
  expect(failureOf(holder.lost.reason)).toMatchObject({ code: "run_busy", facts: { host: "far.example" } });
});

test("a damaged lease is a typed failure that names the file", async () => {
  const runDir = newRun();
  await (await Lease.take(runDir, me)).release();
  writeFileSync(leasePath(runDir, 1), "{");
  expect(await failureOfOpening(runDir)).toMatchObject({
    code: "store_corrupt",
    facts: { file: leasePath(runDir, 1) },
  });
  expect(existsSync(leasePath(runDir, 2))).toBe(false);
});
