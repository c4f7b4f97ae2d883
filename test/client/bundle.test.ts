import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bundleForRun, bundleOf, compileSpec } from "../../sdk/client/bundle.js";
import { SpecError } from "../../sdk/experiment/spec-error.js";

let here: string;

beforeAll(async () => {
  here = await mkdtemp(join(tmpdir(), "longform-bundle-"));
});

afterAll(async () => await rm(here, { recursive: true }));

/** Writes files below a folder of their own and returns it. */
async function project(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  for (const [file, text] of Object.entries(files)) {
    await mkdir(dirname(join(here, name, file)), { recursive: true });
    await writeFile(join(here, name, file), text);
  }
  return join(here, name);
}

/** What an exported function of a bundle gives where only the bundle is. */
async function called(code: string, name: string): Promise<unknown> {
  const run = await mkdtemp(join(tmpdir(), "longform-bundled-"));
  try {
    await writeFile(join(run, "code.mjs"), code);
    const module: object = await import(/* @vite-ignore */ pathToFileURL(join(run, "code.mjs")).href);
    const found: unknown = Reflect.get(module, name);
    const result: unknown = typeof found === "function" ? Reflect.apply(found, undefined, []) : undefined;
    return result;
  } finally {
    await rm(run, { recursive: true });
  }
}

test("packages that ask Node for what is built in work in a bundle, as CommonJS and as modules", async () => {
  const files = {
    "node_modules/old/package.json": '{ "name": "old", "main": "index.js" }',
    "node_modules/old/index.js": 'const { posix } = require("path"); exports.joined = () => posix.join("a", "b");',
    "node_modules/new/package.json": '{ "name": "new", "type": "module", "main": "index.js" }',
    "node_modules/new/index.js":
      'import { createRequire } from "node:module"; const require = createRequire(import.meta.url); export const os = () => require("os").EOL;',
    "judge.ts": 'import { joined } from "old"; import { os } from "new"; export const judge = () => joined() + os();',
  };
  const one = await bundleForRun(join(await project("packages", files), "judge.ts"), "judge.module");
  expect(await called(one.code, "judge")).toBe("a/b\n");
  const other = await bundleForRun(join(await project("elsewhere/packages", files), "judge.ts"), "judge.module");
  expect(other).toEqual(one);
  expect(one.code).not.toContain(here);
  expect(await bundleOf(one.code)).toEqual(one);
});

test("JSON that a module imports is part of its bundle, with and without an attribute", async () => {
  const folder = await project("json", {
    "truth.json": '{ "page": 3 }',
    "judge.ts":
      'import one from "./truth.json"; import other from "./truth.json" with { type: "json" }; export const judge = () => one.page + other.page;',
  });
  expect(await called((await bundleForRun(join(folder, "judge.ts"), "judge.module")).code, "judge")).toBe(6);
});

const uses = {
  "import.meta.url": 'new URL("./truth.json", import.meta.url)',
  "import.meta.dirname": "import.meta.dirname",
  "import.meta.resolve": 'import.meta.resolve("./truth.json")',
  __dirname: "`${__dirname}/truth.json`",
};

test.each(Object.entries(uses))("a captured file that uses %s is named, with what to do instead", async (word, use) => {
  const folder = await project(`place-${word}`, {
    "judge.ts": 'import { truth } from "./truth.js"; export const judge = () => truth();',
    "truth.ts": `export const truth = (): unknown => ${use};`,
  });
  const error: unknown = await bundleForRun(join(folder, "judge.ts"), "judge.module").catch(
    (reason: unknown) => reason,
  );
  expect(error instanceof SpecError ? error.findings : error).toEqual([
    {
      path: "judge.module",
      found: `${word} in ${join(folder, "truth.ts")}, of which a run has a copy elsewhere`,
      expected: expect.stringMatching(/import the JSON, pass the data as arguments/),
    },
  ]);
});

test("a word in a comment, in a string or as a parameter is no use of a place, and packages may have theirs", async () => {
  const folder = await project("words", {
    "node_modules/placed/package.json": '{ "name": "placed", "type": "module", "main": "index.js" }',
    "node_modules/placed/index.js": "export const place = import.meta.url;",
    "judge.ts":
      '// import.meta.url\nimport { place } from "placed"; const named = (__dirname: string) => __dirname; export const judge = () => typeof place + named("import.meta.url");',
  });
  expect(await called((await bundleForRun(join(folder, "judge.ts"), "judge.module")).code, "judge")).toBe(
    "stringimport.meta.url",
  );
});

test("a spec with a line for the shell compiles and keeps its own URL and its lines", async () => {
  const folder = await project("shell", {
    "spec.js": "#!/usr/bin/env node\nexport const place = () => import.meta.url;",
    "broken.js": "#!/usr/bin/env node\nimport.meta.url;\nexport default {",
  });
  const code = await compileSpec(join(folder, "spec.js"), "spec.js");
  expect(await called(code, "place")).toBe(pathToFileURL(join(folder, "spec.js")).href);
  await expect(compileSpec(join(folder, "broken.js"), "broken.js")).rejects.toThrow("broken.js:3");
});
