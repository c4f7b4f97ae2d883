import { existsSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { RuntimeFolder } from "../../runners/service/runtime-folder.js";
import { temporaryFolder } from "../store/temporary-folder.js";

afterEach(() => vi.unstubAllEnvs());

test("sockets never lie in the folder that goes with the user's last session", async () => {
  const session = temporaryFolder();
  vi.stubEnv("XDG_RUNTIME_DIR", session);
  await using runtime = await RuntimeFolder.open(temporaryFolder());
  expect(runtime.path.startsWith(session)).toBe(false);
  expect(statSync(runtime.path).mode & 0o777).toBe(0o700);
});

test("a temporary folder that is too long for a socket gives way to /tmp", async () => {
  const run = temporaryFolder();
  const short = temporaryFolder();
  vi.stubEnv("TMPDIR", short);
  {
    await using runtime = await RuntimeFolder.open(run);
    expect(runtime.path.startsWith(`${short}/longform-`)).toBe(true);
  }
  expect(existsSync(join(short, `longform-${process.getuid?.()}`))).toBe(false);
  const long = join(short, "a-folder-with-a-name-that-leaves-no-room-for-the-name-of-a-socket");
  mkdirSync(long);
  vi.stubEnv("TMPDIR", long);
  await using runtime = await RuntimeFolder.open(run);
  expect(runtime.path.startsWith("/tmp/longform-")).toBe(true);
  expect(Buffer.byteLength(runtime.file("agent-0.123456789.token"))).toBeLessThanOrEqual(107);
});
