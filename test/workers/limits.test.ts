import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import * as limits from "../../sdk/client/limits.js";
import { pythonWorkerFolder } from "../../sdk/client/package-root.js";

const source = readFileSync(join(pythonWorkerFolder, "longform_worker", "agent", "limits.py"), "utf8");
const python = Object.fromEntries(
  [...source.matchAll(/^([A-Z_]+) = (\d+)$/gm)].map(([, name = "", value]) => [name, Number(value)]),
);

test("limits that both sides of the border have are equal", () => {
  const border = [
    "MAX_MESSAGE_BYTES",
    "KEEPALIVE_INTERVAL_MS",
    "KEEPALIVE_TIMEOUT_MS",
    "CALL_DEADLINE_MS",
    "DEFAULT_GRACE_MS",
  ];
  const ours = Object.fromEntries(Object.entries(limits).filter(([name]) => name in python));
  expect(Object.keys(ours)).toEqual(expect.arrayContaining(border));
  expect(ours).toEqual(Object.fromEntries(Object.keys(ours).map((name) => [name, python[name]])));
});

test("a runner probes a silent connection no more often than an agent allows", () => {
  expect(limits.KEEPALIVE_INTERVAL_MS).toBeGreaterThanOrEqual(python["MIN_RECEIVED_PING_INTERVAL_MS"] ?? Infinity);
});
