// Appends numbered events to a run for as long as it lives, and writes the number of each event that counts.
// Parameters: folder of the run, first number, and for tests of leases its process space and lease in milliseconds.
import { writeSync } from "node:fs";
import { hostname } from "node:os";
import { setTimeout } from "node:timers/promises";
import { openRun } from "../../runners/store/run-store.js";
import { failureOf } from "../../sdk/failure/failure.js";
import { numbered } from "./events.js";

const [, , runDir = "", first = "0", processSpace, leaseMs] = process.argv;
const store = await openRun(runDir, {
  host: hostname(),
  pid: process.pid,
  version: "0.0.0-test",
  maxSegmentBytes: 20_000,
  ...(processSpace === undefined ? {} : { processSpace }),
  ...(leaseMs === undefined ? {} : { leaseMs: Number(leaseMs) }),
});
writeSync(1, `open ${store.epoch}\n`);
let next = Number(first);
try {
  for (;;) {
    const burst = Array.from({ length: 1 + Math.floor(Math.random() * 40) }, async () => {
      const number = next++;
      await store.append(numbered(number));
      writeSync(1, `${number}\n`);
    });
    await Promise.all(burst);
    if (Math.random() < 0.3) await setTimeout(Math.random() * 4);
  }
} catch (error) {
  const { code, facts } = failureOf(error);
  writeSync(1, `stopped ${code} ${facts["pid"]} ${store.lost.aborted}\n`);
  await store.close().catch(() => undefined);
}
