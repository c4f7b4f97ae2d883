import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { processSpace, startTicks } from "../../sdk/run-folder/process-identity.js";

test("a process is told apart by when it was started, also one with brackets and spaces in its name", async () => {
  const child = spawn("bash", ["-c", "printf ') R 1 (x' > /proc/self/comm; echo named; read -r"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  const ticks = startTicks(child.pid ?? 0);
  expect(readFileSync(`/proc/${child.pid}/stat`, "latin1")).toContain("() R 1 (x)");
  expect(ticks).toBeGreaterThan(startTicks(process.pid) ?? Number.POSITIVE_INFINITY);
  child.kill("SIGKILL");
  await once(child, "close");
  expect(startTicks(child.pid ?? 0)).toBeUndefined();
});

test("what is left of a process whose parent has not looked is no living process", async () => {
  // The inner process ends soon; by then the outer one is a program that never waits for it.
  const child = spawn("bash", ["-c", "sleep 0.2 & echo $!; exec sleep 60"], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const [output]: unknown[] = await once(child.stdout, "data");
  const remains = Number(String(output));
  for (let tries = 0; tries < 200 && !/\) Z/.test(readFileSync(`/proc/${remains}/stat`, "latin1")); tries += 1)
    await setTimeout(10);
  expect(readFileSync(`/proc/${remains}/stat`, "latin1")).toMatch(/\) Z/);
  expect(startTicks(remains)).toBeUndefined();
});

test("this process space has a name that names the boot and the process namespace", () => {
  expect(processSpace()).toMatch(/^[0-9a-f-]{36} pid:\[\d+\]$/);
});
