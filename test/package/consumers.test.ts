import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

// What users do with the package: the tarball is installed in a folder that knows nothing of this one.
const root = resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "longform-consumer-"));
const entries = ["longform", "longform/method", "longform/report"];
let packed: string[] = [];

beforeAll(() => {
  const npm = (cwd: string, args: string[]) => execFileSync("npm", args, { cwd, encoding: "utf8", stdio: "pipe" });
  const report: unknown = JSON.parse(npm(root, ["pack", "--ignore-scripts", "--json", "--pack-destination", folder]));
  packed = JSON.stringify(report).match(/(?<="path":")[^"]+/g) ?? [];
  writeFileSync(join(folder, "package.json"), '{ "private": true }');
  npm(folder, ["install", "--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund", "./longform-0.1.0.tgz"]);
}, 180_000);
afterAll(() => rmSync(folder, { recursive: true }));

function run(program: string, args: string[], env: NodeJS.ProcessEnv = {}) {
  return spawnSync(program, args, { cwd: folder, encoding: "utf8", env: { ...process.env, ...env } });
}

/** Compiles one file against the installed package and returns what the compiler says. */
function compile(compiler: string, file: string, text: string, options: Record<string, unknown>) {
  writeFileSync(join(folder, file), text);
  const compilerOptions = { noEmit: true, types: ["node"], typeRoots: [join(root, "node_modules/@types")], ...options };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: [file] }));
  return run(process.execPath, [join(root, "node_modules", compiler, "bin/tsc"), "-p", "tsconfig.json"]).stdout;
}

const typedScript = `
import { experiment } from "longform";
import * as method from "longform/method";
import * as report from "longform/report";
export const builds: typeof experiment = experiment;
export const names: string[] = [...Object.keys(method), ...Object.keys(report)];
// @ts-expect-error: the package has types, so a name that it lacks is an error
import { noSuchName } from "longform";
export const lacking: unknown = noSuchName;
`;

test("the tarball carries the worker, the protos and set-up, and nothing of the workshop", () => {
  expect(packed).toEqual(
    expect.arrayContaining([
      "LICENSE",
      "proto/longform/v1/worker.proto",
      "python-worker/pyproject.toml",
      "python-worker/requirements/train-cpu.lock",
      "python-worker/src/longform_worker/__init__.py",
      "python-worker/src/longform_worker/gen/worker_pb2.py",
      "scripts/environments.mjs",
      "scripts/setup.mjs",
      "scripts/setup/steps.mjs",
    ]),
  );
  const workshop = packed.filter((name) =>
    /^(test|bench|sdk|runners)\/|__pycache__|tsbuildinfo|tsconfig|\.built-from/.test(name),
  );
  expect(workshop).toEqual([]);
});

test.each(entries)("import of %s works", (entry) => {
  const code = `const names = Object.keys(await import("${entry}")); if (names.length === 0) throw new Error("empty");`;
  expect(run(process.execPath, ["--input-type=module", "-e", code])).toMatchObject({ status: 0, stderr: "" });
});

test.each(entries)("require of %s works: no module of it has a top-level await", (entry) => {
  const code = `if (Object.keys(require("${entry}")).length === 0) throw new Error("empty");`;
  const { status, stderr } = run(process.execPath, ["--no-warnings", "-e", code]);
  expect(stderr).toBe("");
  expect(status).toBe(0);
});

test("TypeScript with NodeNext resolution finds the types, and they check strictly", () => {
  const options = { module: "NodeNext", strict: true, skipLibCheck: false, lib: ["ES2023", "ESNext.Disposable"] };
  expect(compile("typescript", "strict.mts", typedScript, options)).toBe("");
});

test("TypeScript 5.0.4 with Node10 resolution, as notebooks have it, finds the types", () => {
  const options = { module: "CommonJS", moduleResolution: "node", target: "ES2022", strict: false, skipLibCheck: true };
  expect(compile("typescript-5.0", "notebook.ts", typedScript, options)).toBe("");
});

test("the command runs from the installed package", () => {
  const { status, stdout, stderr } = run(join(folder, "node_modules/.bin/longform"), ["--help"]);
  expect(stderr).toBe("");
  expect(stdout).toContain("longform");
  expect(status).toBe(0);
});

test("set-up of an installed package asks only for the Python environment, in LONGFORM_HOME", () => {
  const home = join(folder, "home");
  const script = join(folder, "node_modules/longform/scripts/setup.mjs");
  const { status, stdout } = run(process.execPath, [script, "--check", "--json"], { LONGFORM_HOME: home });
  const report: unknown = JSON.parse(stdout);
  expect(report).toMatchObject({
    ok: false,
    steps: [
      { name: "node-packages", state: "present" },
      { name: "build", state: "present" },
      { name: "python-train", state: "missing", does: expect.stringContaining(home) },
    ],
  });
  expect(status).toBe(1);
});
