import { existsSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { once } from "node:events";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CancelIntent, leaveCancelIntent } from "../runners/cancel-intent.js";
import { cancelRun } from "../runners/cli/cancel-run.js";
import { openRun, type RunStore } from "../runners/store/run-store.js";
import { temporaryFolder } from "./store/temporary-folder.js";

async function opened(): Promise<RunStore> {
  const runDir = join(temporaryFolder(), "run-1");
  await mkdir(runDir);
  return await openRun(runDir, { host: "here", pid: process.pid, version: "0" });
}

function reasons(store: RunStore): string[] {
  return [...store.stored()].flatMap(({ event }) => (event.type === "cancel_asked" ? [event.reason] : []));
}

test("of several wishes the first is stored and honoured, and the others are told so", async () => {
  await using store = await opened();
  await using intent = await CancelIntent.open(store.runDir, store);
  expect(await Promise.all([intent.ask("one"), intent.ask("two")])).toEqual([true, false]);
  expect(intent.signal.aborted).toBe(true);
  expect(intent.asked).toBe("one");
  expect(reasons(store)).toEqual(["one"]);
});

test("a wish that could not be stored is none, and the next one counts", async () => {
  await using store = await opened();
  let failures = 1;
  const append: RunStore["append"] = async (event) => {
    if (failures-- > 0) throw new Error("no space");
    return await store.append(event);
  };
  await using intent = await CancelIntent.open(store.runDir, { append, lost: store.lost });
  const [first, second] = await Promise.allSettled([intent.ask("one"), intent.ask("two")]);
  expect(first).toMatchObject({ status: "rejected", reason: { message: "no space" } });
  expect(second).toEqual({ status: "fulfilled", value: true });
  expect(intent.asked).toBe("two");
  expect(reasons(store)).toEqual(["two"]);
});

test("after the end of the run a wish is answered with no and changes nothing", async () => {
  await using store = await opened();
  const intent = await CancelIntent.open(store.runDir, store);
  await intent.close();
  expect(await intent.ask("too late")).toBe(false);
  expect(intent.asked).toBeUndefined();
  expect(intent.signal.aborted).toBe(false);
  expect(reasons(store)).toEqual([]);
});

test("a wish that was left while no runner was there is taken up with its own reason", async () => {
  await using store = await opened();
  await leaveCancelIntent(store.runDir, "I changed my mind");
  await using intent = await CancelIntent.open(store.runDir, store);
  expect(intent.asked).toBe("I changed my mind");
  expect(intent.signal.aborted).toBe(true);
  expect(existsSync(join(store.runDir, "cancel.json"))).toBe(false);
});

test("a damaged wish is a wish", async () => {
  await using store = await opened();
  writeFileSync(join(store.runDir, "cancel.json"), '{"reas');
  await using intent = await CancelIntent.open(store.runDir, store);
  expect(intent.asked).toBe("a cancel.json that cannot be read");
});

test("a runner that has not announced itself yet, or cannot be reached, finds the wish in its folder", async () => {
  await using store = await opened();
  await using intent = await CancelIntent.open(store.runDir, store);
  writeFileSync(
    join(store.runDir, "runner.json"),
    JSON.stringify({ address: "unix:/nowhere/runner.sock", token: "t", pid: 1, epoch: 1, liveEndpoint: "" }),
  );
  expect(await cancelRun(store.runDir, "from afar")).toBe("running");
  if (!intent.signal.aborted) await once(intent.signal, "abort");
  expect(reasons(store)).toEqual(["from afar"]);
  await intent.close();
  expect(existsSync(join(store.runDir, "cancel.json"))).toBe(false);
}, 30_000);

test("a wish about a run that has ended leaves nothing for its next runner", async () => {
  const store = await opened();
  await store.append({ type: "run_cancelled", reason: "earlier" });
  await store.finish({ state: "cancelled", epoch: store.epoch, time: new Date().toISOString() });
  await store.close();
  expect(await cancelRun(store.runDir, "again")).toBe("cancelled");
  expect(existsSync(join(store.runDir, "cancel.json"))).toBe(false);
});
