import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { CapturedCode } from "../../runners/stages/user-code.js";
import { sha256 } from "../../sdk/experiment/canonical-json.js";
import { failureOf } from "../../sdk/failure/failure.js";
import { temporaryFolder } from "../store/temporary-folder.js";

const CODE = `
import { existsSync } from "node:fs";
export const limit = 7;
let calls = 0;
export const count = () => { calls += 1; return calls; };
export const sum = (one, other) => one + other;
export const after = async (ms, value) => await new Promise((resolve) => setTimeout(() => resolve(value), ms));
export const waitFor = (path) => { while (!existsSync(path)); return "there"; };
export const spin = () => { for (;;); };
export const never = async () => await new Promise(() => undefined);
export const fail = (message) => { throw new TypeError(message); };
export const throwBare = () => { throw Object.create(null); };
export const rows = () => [{ id: "a", target: Promise.resolve("text") }];
export const leave = (code) => process.exit(code);
export const failLate = () => { setImmediate(() => { throw new Error("too late"); }); return "done"; };
`;
const module = `sha256:${sha256(CODE)}`;

const opened: CapturedCode[] = [];
afterEach(async () => {
  for (const code of opened.splice(0)) await code[Symbol.asyncDispose]();
});

function captured(signal = new AbortController().signal) {
  const runDir = temporaryFolder();
  mkdirSync(join(runDir, "code"));
  const file = join(runDir, "code", `${sha256(CODE)}.mjs`);
  writeFileSync(file, CODE);
  const code = new CapturedCode(runDir, signal);
  opened.push(code);
  const call = async (name: string, ...values: unknown[]) => await (await code.load({ module, name }))(values);
  return { code, call, file };
}

async function failure(work: Promise<unknown>) {
  return failureOf(
    await work.then(
      (value) => new Error(`no failure but ${String(value)}`),
      (error: unknown) => error,
    ),
  );
}

const threads = () => readdirSync("/proc/self/task").length;

/** A call to a server in this process and its answer. */
async function answeredCall(path: string): Promise<void> {
  const server = createServer((socket) => socket.end("here")).listen(path);
  await once(server, "listening");
  const socket = connect(path).resume();
  await once(socket, "end");
  server.close();
}

describe("a user's function", () => {
  test("gets plain data, gives plain data, and keeps the state of its module", async () => {
    const { call } = captured();
    expect(await call("sum", 2, 3)).toBe(5);
    expect([await call("count"), await call("count")]).toEqual([1, 2]);
  });

  test("that waits holds up no other", async () => {
    const { call } = captured();
    const order: unknown[] = [];
    const slow = call("after", 300, "slow").then((value) => order.push(value));
    await call("after", 0, "quick").then((value) => order.push(value));
    await slow;
    expect(order).toEqual(["quick", "slow"]);
  });

  test("that computes without a pause leaves the process of the runner free to answer", async () => {
    const { call } = captured();
    const folder = temporaryFolder();
    const waiting = call("waitFor", join(folder, "go"));
    await answeredCall(join(folder, "socket"));
    writeFileSync(join(folder, "go"), "");
    expect(await waiting).toBe("there");
  });

  test("that throws fails as user_code with its name, the item and what it threw", async () => {
    const { code, call } = captured();
    const fail = await code.load({ module, name: "fail" });
    expect(await failure(fail(["no such deck"], { item: "deck-7" }))).toEqual({
      code: "user_code",
      detail: "TypeError: no such deck",
      facts: { function: "fail", item: "deck-7" },
    });
    expect(await failure(call("throwBare"))).toMatchObject({ code: "user_code", facts: { function: "throwBare" } });
  });

  test("fails as user_code on what is no plain data, as a result and as an argument", async () => {
    const { call } = captured();
    expect(await failure(call("rows"))).toEqual({
      code: "user_code",
      detail: expect.stringMatching(/^What it returned is not plain data: .*Promise/),
      facts: { function: "rows" },
    });
    expect(await failure(call("sum", () => 1))).toMatchObject({
      code: "user_code",
      detail: expect.stringMatching(/^Its arguments are not plain data: /),
      facts: { function: "sum" },
    });
  });

  test.each(["spin", "never"])("that never returns (%s) ends with the signal of the run", async (name) => {
    const run = new AbortController();
    const { call } = captured(run.signal);
    const before = threads();
    expect(await call("sum", 1, 2)).toBe(3);
    expect(threads()).toBeGreaterThan(before);
    const reason = new Error("cancelled");
    const hanging = call(name);
    const outcome = expect(hanging).rejects.toBe(reason);
    // Time for the thread to begin with it; the outcome is the same where that does not suffice.
    setTimeout(() => run.abort(reason), 100);
    await outcome;
    await vi.waitFor(() => expect(threads()).toBeLessThanOrEqual(before), 10_000);
    await expect(call("sum", 1, 2)).rejects.toBe(reason);
  });

  test("that ends the process ends its thread alone, and the next call has a new one", async () => {
    const { call } = captured();
    const lost = call("never");
    const left = call("leave", 3);
    for (const [work, name] of [
      [lost, "never"],
      [left, "leave"],
    ] as const)
      expect(await failure(work)).toEqual({
        code: "user_code",
        detail: "It ended the thread of the user functions with exit code 3.",
        facts: { function: name },
      });
    expect(await call("sum", 2, 2)).toBe(4);
  });

  test("that fails after it has answered fails the next call", async () => {
    const { code } = captured();
    const before = threads();
    const failLate = await code.load({ module, name: "failLate" });
    const sum = await code.load({ module, name: "sum" });
    expect(await failLate([])).toBe("done");
    await vi.waitFor(() => expect(threads()).toBeLessThanOrEqual(before), 10_000);
    expect(await failure(sum([1, 2]))).toMatchObject({
      code: "user_code",
      detail: expect.stringContaining("too late"),
    });
    expect(await sum([1, 2])).toBe(3);
  });

  test("that is missing is named, and other code than was captured is not run", async () => {
    const { code } = captured();
    for (const [name, found] of [
      ["decks", "undefined"],
      ["limit", "number"],
    ] as const)
      expect(await failure(code.load({ module, name }))).toEqual({
        code: "user_code",
        facts: { function: name, found, expected: `an exported function "${name}"` },
      });
    const other = captured();
    writeFileSync(other.file, `${CODE}\nexport const more = 1;`);
    expect(await failure(other.call("sum", 1, 2))).toMatchObject({
      code: "store_corrupt",
      facts: { file: other.file, found: "other code" },
    });
  });
});
