import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openRun, type RunStore } from "../../runners/store/run-store.js";
import { failureOf } from "../../sdk/failure/failure.js";
import { ExitRecord } from "../../sdk/run-folder/events.js";
import { readExit } from "../../sdk/run-folder/read-run.js";
import { numbered, numbersOf } from "./events.js";
import { temporaryFolder } from "./temporary-folder.js";

const me = { host: "here.example", pid: process.pid, version: "0.0.0-test" };

function newRun(): string {
  const runDir = join(temporaryFolder(), "run");
  mkdirSync(runDir);
  return runDir;
}

function exitNow(store: RunStore, state: ExitRecord["state"]): ExitRecord {
  return { state, epoch: store.epoch, time: new Date().toISOString() };
}

test("a run that failed is opened again with the next epoch; its earlier end is kept by name", async () => {
  const runDir = newRun();
  const first = await openRun(runDir, me);
  await first.append(numbered(0));
  await first.append({ type: "run_failed", failure: { code: "signal", facts: { signal: "SIGKILL" } } });
  await first.finish({ ...exitNow(first, "failed"), failure: { code: "signal", facts: { signal: "SIGKILL" } } });
  await first.close();
  expect((await readExit(runDir))?.state).toBe("failed");
  await using second = await openRun(runDir, me);
  expect(second.epoch).toBe(2);
  expect(second.lastSeq).toBe(2);
  expect(await readExit(runDir)).toBeUndefined();
  expect(ExitRecord.parse(JSON.parse(readFileSync(join(runDir, "exit-1.json"), "utf8"))).failure?.code).toBe("signal");
  expect(numbersOf(second.stored())[0]).toBe(0);
});

test("a finished run is not opened again, and no epoch is used up by trying", async () => {
  const runDir = newRun();
  const store = await openRun(runDir, me);
  await store.append({ type: "run_finished", seconds: 1 });
  await store.finish(exitNow(store, "finished"));
  await store.close();
  const failure = failureOf(await openRun(runDir, me).catch((error: unknown) => error));
  expect(failure).toMatchObject({ code: "data_refused", detail: "the run has finished" });
  expect(readdirSync(join(runDir, "leases"))).toEqual(["000001.json"]);
});

test("a runner that died between its last event and its exit is helped to its exit", async () => {
  const runDir = newRun();
  const store = await openRun(runDir, me);
  await store.append({ type: "run_finished", seconds: 1 });
  await store.close();
  const failure = failureOf(await openRun(runDir, me).catch((error: unknown) => error));
  expect(failure.detail).toBe("the run has finished");
  expect(await readExit(runDir)).toMatchObject({ state: "finished", epoch: 1 });
});

test("an end is written once", async () => {
  const runDir = newRun();
  await using store = await openRun(runDir, me);
  await store.append({ type: "run_cancelled", reason: "asked" });
  await store.finish(exitNow(store, "cancelled"));
  await expect(store.finish(exitNow(store, "failed"))).rejects.toMatchObject({
    failure: { code: "internal", facts: { expected: "cancelled" } },
  });
  expect((await readExit(runDir))?.state).toBe("cancelled");
});

test("a run does not finish without its last event, nor in another runner's epoch", async () => {
  await using store = await openRun(newRun(), me);
  await store.append(numbered(1));
  await expect(store.finish(exitNow(store, "finished"))).rejects.toMatchObject({ failure: { code: "internal" } });
  await expect(store.finish({ ...exitNow(store, "failed"), epoch: 9 })).rejects.toMatchObject({
    failure: { code: "internal" },
  });
  expect(await readExit(store.runDir)).toBeUndefined();
});

test("a run with a damaged log is refused, and its lease is given back", async () => {
  const runDir = newRun();
  const store = await openRun(runDir, me);
  await store.append(numbered(1));
  await store.close();
  const path = join(runDir, "events", "000000000001-000001.jsonl");
  writeFileSync(path, readFileSync(path, "utf8").replace('"done":1', '"done":7'));
  const failure = failureOf(await openRun(runDir, me).catch((error: unknown) => error));
  expect(failure).toMatchObject({ code: "store_corrupt", facts: { offset: "0" } });
  rmSync(path);
  await using again = await openRun(runDir, me);
  expect(again.epoch).toBe(3);
});

test("what a dead writer left unfinished is cut off and told", async () => {
  const runDir = newRun();
  const store = await openRun(runDir, me);
  await store.append(numbered(1));
  await store.close();
  const path = join(runDir, "events", "000000000001-000001.jsonl");
  const whole = readFileSync(path);
  writeFileSync(path, Buffer.concat([whole, Buffer.from('{"seq":2,"epo')]));
  await using again = await openRun(runDir, me);
  expect(again.cut).toMatchObject({ segment: "000000000001-000001.jsonl", offset: whole.length, bytes: 13 });
  expect(readFileSync(path)).toEqual(whole);
});

test("blobs and cache are shared by the runs of one folder", async () => {
  const runs = temporaryFolder();
  for (const name of ["one", "two"]) mkdirSync(join(runs, name));
  await using one = await openRun(join(runs, "one"), me);
  await using two = await openRun(join(runs, "two"), me);
  expect(await two.blobs.readText(await one.blobs.putText("shared"))).toBe("shared");
});
