import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { alone } from "../../scripts/setup/process-lock.mjs";

const folder = mkdtempSync(join(tmpdir(), "longform-lock-"));
const lockFile = join(folder, "setup.lock");
afterAll(() => rmSync(folder, { recursive: true }));

test("two set-ups take turns, and the second says what it waits for", async () => {
  const order: string[] = [];
  const lines: string[] = [];
  const work = (name: string) => async () => {
    order.push(`${name} begins`);
    await new Promise((done) => setTimeout(done, 150));
    order.push(`${name} ends`);
  };
  const first = alone(lockFile, () => {}, work("first"));
  const second = alone(lockFile, (line) => lines.push(line), work("second"));
  await Promise.all([first, second]);
  expect(order).toEqual(["first begins", "first ends", "second begins", "second ends"]);
  expect(lines).toEqual([`waiting for the set-up of process ${process.pid}`]);
});

test.each([
  ["a dead process", "999999999 1"],
  ["an earlier process with the number of a living one", `${process.pid} 1`],
  ["nobody", ""],
])("the lock of %s is taken over", async (_, owner) => {
  writeFileSync(lockFile, owner);
  const held = await alone(
    lockFile,
    () => {},
    async () => readFileSync(lockFile, "utf8"),
  );
  expect(held).toMatch(new RegExp(`^${process.pid} `));
  expect(existsSync(lockFile)).toBe(false);
});

test("the lock is given back when the work fails", async () => {
  await expect(
    alone(
      lockFile,
      () => {},
      () => Promise.reject(new Error("no disk")),
    ),
  ).rejects.toThrow("no disk");
  expect(existsSync(lockFile)).toBe(false);
});
