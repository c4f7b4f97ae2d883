import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect, test } from "vitest";
import { readEvents } from "../../sdk/run-folder/read-events.js";
import { bundleProgram, nextLine, startChild } from "./child.js";
import { collect, numbersOf } from "./events.js";
import { temporaryFolder } from "./temporary-folder.js";

const program = bundleProgram("appending-program.ts");
const ROUNDS = 20;

test("every event that was acknowledged before a kill -9 is there, in order, once, over twenty rounds on one run", async () => {
  const runDir = join(temporaryFolder(), "run");
  mkdirSync(runDir);
  let acknowledgedInAll = 0;
  let stored: number[] = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    const firstNew = (stored.at(-1) ?? -1) + 1;
    const child = startChild(program, runDir, String(firstNew));
    expect(await nextLine(child)).toBe(`open ${round}`);
    await setTimeout(Math.random() * 120);
    child.process.kill("SIGKILL");
    await child.ended;
    const acknowledged = child.seen.slice(1).map(Number);
    const events = await collect(readEvents(runDir, 0));
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    const before = stored;
    stored = numbersOf(events);
    expect(stored.slice(0, before.length), "what was stored stays").toEqual(before);
    // Bursts are appended in the order of their numbers, so that the stored numbers have no gap either.
    expect(stored).toEqual(stored.map((_, index) => index));
    const written = stored.slice(before.length);
    expect(written.slice(0, acknowledged.length), `round ${round}`).toEqual(acknowledged);
    acknowledgedInAll += acknowledged.length;
  }
  expect(acknowledgedInAll).toBeGreaterThan(ROUNDS);
  expect(readdirSync(join(runDir, "leases")).filter((name) => name.endsWith(".json"))).toHaveLength(ROUNDS);
}, 120_000);
