import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "../..");
const project = mkdtempSync(join(tmpdir(), "longform-layers-"));

beforeAll(() => {
  for (const file of ["tsconfig.json", "tsconfig.base.json", "sdk/tsconfig.json", "runners/tsconfig.json"]) {
    mkdirSync(join(project, file, ".."), { recursive: true });
    cpSync(join(root, file), join(project, file));
  }
  symlinkSync(join(root, "node_modules"), join(project, "node_modules"));
  writeFileSync(join(project, "package.json"), '{ "type": "module" }');
  writeFileSync(join(project, "runners/runner.ts"), "export const runner = 1;\n");
});
afterAll(() => rmSync(project, { recursive: true }));

function compile(files: Record<string, string>) {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(project, name), text);
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  return spawnSync(process.execPath, [tsc, "-b"], { cwd: project, encoding: "utf8" });
}

test("runners may import sdk", () => {
  const { status, stdout } = compile({
    "sdk/spec.ts": "export const spec = 1;\n",
    "runners/stage.ts": 'export { spec } from "../sdk/spec.js";\n',
  });
  expect(stdout).toBe("");
  expect(status).toBe(0);
});

test("an import of runners from sdk does not compile", () => {
  const { status, stdout } = compile({ "sdk/spec.ts": 'export { runner as spec } from "../runners/runner.js";\n' });
  expect(stdout).toMatch(/runners\/runner\.ts' is not listed within the file list of project .*sdk/);
  expect(status).not.toBe(0);
});
