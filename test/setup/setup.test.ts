import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { explainFailure } from "../../scripts/setup/child-process.mjs";
import { torchVariant } from "../../scripts/setup/python-environment.mjs";
import { requireDisk } from "../../scripts/setup/steps.mjs";

const root = resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "longform-setup-"));
afterAll(() => rmSync(folder, { recursive: true }));

// As in an installed package, where only the Python environment can be missing.
const installed = join(folder, "package");
for (const part of ["scripts/setup.mjs", "scripts/setup", "scripts/environments.mjs", "python-worker/requirements"]) {
  cpSync(join(root, part), join(installed, part), { recursive: true });
}

function setUp(args: string[], env: NodeJS.ProcessEnv = {}, nodeOptions: string[] = [], packageFolder = installed) {
  const start = performance.now();
  const command = [...nodeOptions, join(packageFolder, "scripts/setup.mjs"), ...args];
  const ended = spawnSync(process.execPath, command, { encoding: "utf8", env: { ...process.env, ...env } });
  return { ...ended, lines: ended.stderr.trimEnd().split("\n"), seconds: (performance.now() - start) / 1000 };
}

/** An empty home, so that the Python environment is missing. */
const emptyHome = () => ({ LONGFORM_HOME: mkdtempSync(join(folder, "home-")), LONGFORM_TRAIN_PYTHON: "" });

function program(name: string, text: string) {
  const file = join(folder, name);
  writeFileSync(file, text);
  chmodSync(file, 0o755);
  return file;
}

test("when nothing is missing it says so in one line within a second", () => {
  expect(setUp([], {}, [], root).status).toBe(0);
  const later = [1, 2, 3].map(() => setUp([], {}, [], root));
  for (const { status, lines } of later) {
    expect(lines).toEqual([expect.stringMatching(/^setup: nothing is missing \(\d\.\d\d s\)$/)]);
    expect(status).toBe(0);
  }
  // The quickest of three: other tests keep the cores busy meanwhile.
  expect(Math.min(...later.map(({ seconds }) => seconds))).toBeLessThan(1);
});

test("--check reports what is missing as data and makes nothing", () => {
  const home = emptyHome();
  const { status, stdout } = setUp(["--check", "--json"], home);
  const report: unknown = JSON.parse(stdout);
  const missing = { name: "python-train", state: "missing", downloadMegabytes: expect.any(Number) };
  expect(report).toMatchObject({ ok: false, steps: expect.arrayContaining([expect.objectContaining(missing)]) });
  expect(status).toBe(1);
  expect(existsSync(join(home.LONGFORM_HOME, "envs"))).toBe(false);
});

test("a Node that is too old gets one line", () => {
  const old = 'data:text/javascript,Object.defineProperty(process.versions,"node",{value:"18.19.1"})';
  const { status, lines } = setUp([], {}, ["--import", old]);
  expect(lines).toEqual(["setup: Node 20.19 or newer is needed, this is 18.19.1. Install it and try again."]);
  expect(status).toBe(2);
});

test("a Python that is too old gets one line that names it", () => {
  const python = program("old-python", `#!/bin/sh\necho '{"executable":"old","version":[3,9,2],"missing":[]}'\n`);
  const { status, lines } = setUp([], { ...emptyHome(), LONGFORM_BOOTSTRAP_PYTHON: python });
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain(`Python 3.11 or newer with its venv module is needed: ${python} is 3.9.2`);
  expect(status).toBe(2);
});

test("no Python gets one line", () => {
  const { status, lines } = setUp([], { ...emptyHome(), LONGFORM_BOOTSTRAP_PYTHON: join(folder, "nowhere") });
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain("found none");
  expect(status).toBe(2);
});

test("a registry that cannot be reached gets one line after what was tried", () => {
  const unreachable = { PIP_INDEX_URL: "http://127.0.0.1:9/simple", PIP_CONFIG_FILE: "/dev/null", PIP_RETRIES: "0" };
  const { status, lines } = setUp([], { ...emptyHome(), ...unreachable, PIP_FIND_LINKS: "", PIP_EXTRA_INDEX_URL: "" });
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatch(/make the Python environment "train".*, about \d+ MB to download$/);
  expect(lines[1]).toContain("the package registry cannot be reached");
  expect(status).toBe(2);
}, 120_000);

test("an interpreter named for the environment must have what the engines import", () => {
  const python = program(
    "bare-python",
    `#!/bin/sh\necho '{"executable":"x","version":[3,11,7],"missing":["torch"]}'\n`,
  );
  const bare = setUp([], { LONGFORM_TRAIN_PYTHON: python });
  expect(bare.lines).toEqual([expect.stringContaining("LONGFORM_TRAIN_PYTHON lacks torch")]);
  expect(bare.status).toBe(2);
  const absent = setUp([], { LONGFORM_TRAIN_PYTHON: join(folder, "nowhere") });
  expect(absent.lines).toEqual([expect.stringContaining("does not start")]);
});

test("an unknown option or torch gets one line", () => {
  expect(setUp(["--colour"]).lines).toEqual([expect.stringContaining("--colour")]);
  expect(setUp(["--torch", "rocm"]).lines).toEqual([expect.stringContaining("it must be cpu, cuda or auto")]);
});

test("too little disk is said before anything is downloaded", () => {
  expect(() => requireDisk("/data", 2500, () => 700e6)).toThrow("/data has 700 MB free and 2500 MB are needed.");
  expect(() => requireDisk("/data", 2500, () => 2500e6)).not.toThrow();
});

test.each([
  ["npm error code ENOSPC", "the disk is full"],
  ["npm error code EAI_AGAIN", "the package registry cannot be reached"],
  ["error: Failed to fetch\n  Caused by: dns error: failed to lookup", "the package registry cannot be reached"],
  ["  × because there is no version of torch==2.13.0+cpu", "no CPU build of torch can be had here"],
  ["compiling\nsdk/a.ts(1,2): error TS2322: Type", "failed: sdk/a.ts(1,2): error TS2322"],
])("the output %j of a failed command is explained in one line", (output, explanation) => {
  const line = explainFailure("npm ci", output, "setup.log");
  expect(line).toContain(explanation);
  expect(line).not.toContain("\n");
});

test("CUDA is chosen only where a device is, or where it is asked for", () => {
  expect(torchVariant(undefined, false)).toBe("cpu");
  expect(torchVariant("auto", true)).toBe("gpu");
  expect(torchVariant("cpu", true)).toBe("cpu");
  expect(torchVariant("cuda", false)).toBe("gpu");
});
