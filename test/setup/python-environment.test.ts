import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { environmentPython } from "../../scripts/environments.mjs";

// The real installer on a package of one line, so that nothing has to be downloaded.
const root = resolve(import.meta.dirname, "../..");
const project = mkdtempSync(join(tmpdir(), "longform-environment-"));
const wheels = join(project, "wheels");
const environments = join(project, "envs");
const environment = join(environments, "train");

beforeAll(() => {
  mkdirSync(wheels);
  const makeWheel = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as wheel:
    info = "tiny-1.0.dist-info"
    wheel.writestr("tiny.py", "answer = 42\\n")
    wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: tiny\\nVersion: 1.0\\n")
    wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr(f"{info}/RECORD", f"tiny.py,,\\n{info}/METADATA,,\\n{info}/WHEEL,,\\n{info}/RECORD,,\\n")
`;
  spawnSync(environmentPython("train"), ["-c", makeWheel, join(wheels, "tiny-1.0-py3-none-any.whl")]);
  writeFileSync(join(project, "tiny.lock"), "tiny==1.0\n");
});
afterAll(() => rmSync(project, { recursive: true }));

/** Makes the environment in a process of its own, as set-up does. */
function make(lock: string) {
  const code = `
    const { findPython } = await import(${JSON.stringify(pathToFileURL(join(root, "scripts/setup/python.mjs")).href)});
    const { makeEnvironment } = await import(${JSON.stringify(pathToFileURL(join(root, "scripts/setup/python-environment.mjs")).href)});
    await makeEnvironment({ folder: ${JSON.stringify(environment)}, locks: [${JSON.stringify(lock)}], variant: "cpu",
      base: findPython(), logFile: ${JSON.stringify(join(project, "setup.log"))}, variables: process.env });`;
  const env = { ...process.env, PIP_FIND_LINKS: wheels, PIP_NO_INDEX: "1", UV_NO_INDEX: "1" };
  return spawn(process.execPath, ["--input-type=module", "-e", code], { env, detached: true, stdio: "ignore" });
}

async function ended(child: ReturnType<typeof make>) {
  return new Promise<number | NodeJS.Signals | null>((done) => {
    child.once("exit", (code, signal) => done(code ?? signal));
  });
}

const answer = () =>
  spawnSync(join(environment, "bin/python"), ["-c", "import tiny; print(tiny.answer)"], { encoding: "utf8" }).stdout;

test("a set-up that is killed in the middle leaves no environment, and the next one makes it whole", async () => {
  const killed = make(join(project, "tiny.lock"));
  const end = ended(killed);
  const partial = `${environment}.partial`;
  while (!existsSync(partial) && killed.exitCode === null) await new Promise((tick) => setImmediate(tick));
  process.kill(-(killed.pid ?? Number.NaN), "SIGKILL");
  expect(await end).toBe("SIGKILL");
  expect(existsSync(environment)).toBe(false);
  expect(existsSync(partial)).toBe(true);

  expect(await ended(make(join(project, "tiny.lock")))).toBe(0);
  expect(answer()).toBe("42\n");
  expect(readdirSync(environments)).toEqual(["train"]);
});

test("an installation that fails keeps the environment that was there", async () => {
  expect(await ended(make(join(project, "tiny.lock")))).toBe(0);
  writeFileSync(join(project, "absent.lock"), "absent==1.0\n");
  expect(await ended(make(join(project, "absent.lock")))).not.toBe(0);
  expect(answer()).toBe("42\n");
});
