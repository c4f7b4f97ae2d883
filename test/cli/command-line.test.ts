import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { packageRoot } from "#environments";
import { specKinds } from "../../sdk/spec/index.js";
import { longform, program } from "./command.js";

const here = { folder: packageRoot };
const unbundled = pathToFileURL(join(packageRoot, "dist", "runners", "cli", "main.js")).href;
const commands = [
  "setup",
  "doctor",
  "validate",
  "plan",
  "audit",
  "rehearse",
  "run",
  "watch",
  "resume",
  "ps",
  "logs",
  "cancel",
  "report",
  "schema",
  "completion",
];

test("the help names every command and every exit code", async () => {
  const { code, stdout } = await longform(["--help"], here);
  expect(code).toBe(0);
  for (const name of commands) expect(stdout).toMatch(new RegExp(`^  longform ${name}\\b`, "m"));
  for (const exit of ["0", "1", "2", "3", "130"]) expect(stdout).toMatch(new RegExp(`^  ${exit}\\s+\\w`, "m"));
});

test.each(commands)("the help of %s has an example and is plain ASCII", async (name) => {
  const { code, stdout } = await longform([name, "--help"], here);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^Examples:\n {2}longform /m);
  // The bundle takes the width of a text for its length.
  expect(stdout).toMatch(/^[\n\x20-\x7e]*$/);
});

test("the bundled command says what the compiled sources say", async () => {
  const { stdout } = await longform(["run", "--help"], here);
  const code = `const { runCommandLine } = await import(${JSON.stringify(unbundled.replace("main.js", "command-line.js"))}); await runCommandLine(["run", "--help"]);`;
  const other = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", code]);
  expect(other.stdout).toBe(stdout);
});

test.each([
  [["rnu", "x.ts"], 'There is no command "rnu". Did you mean run?'],
  [["vlaidate", "x.ts"], 'There is no command "vlaidate". Did you mean validate?'],
  [["frobnicate"], 'There is no command "frobnicate". Try --help.'],
  [["run", "x.ts", "--detahc"], "There is no option --detahc here. Did you mean --detach?"],
  [["--jsn"], "There is no option --jsn here. Did you mean --json?"],
  [["run"], "longform run <file>: something is missing. Try --help."],
  [["run", "x.ts", "y.ts"], '"y.ts" is one word too many. Try --help.'],
  [["ps", "--runs"], "--runs needs a value. Try --help."],
  [["schema", "stf"], 'There is no spec of kind "stf". Did you mean sft?'],
])("%j is bad input with one message and the nearest name", async (args, message) => {
  expect(await longform(args, here)).toEqual({ code: 2, stdout: "", stderr: `${message}\n` });
});

test("with --json an error is one object on stdout", async () => {
  const { code, stdout, stderr } = await longform(["rnu", "--json"], here);
  expect(code).toBe(2);
  expect(JSON.parse(stdout)).toEqual({
    error: { code: "usage" },
    message: 'There is no command "rnu". Did you mean run?',
  });
  expect(stderr).toBe("");
});

test("the version is that of this package, from wherever it is asked", async () => {
  const { version } = JSON.parse(await readFile(join(packageRoot, "package.json"), "utf8"));
  expect(await longform(["--version"], { folder: "/" })).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
});

test("a shell completes commands and their options", async () => {
  const words = async (...typed: string[]) =>
    (await longform(["--get-yargs-completions", "longform", ...typed], here)).stdout.split("\n");
  expect(await words("r")).toEqual(expect.arrayContaining(["run", "resume", "report"]));
  expect(await words("run", "--d")).toEqual(expect.arrayContaining(["--detach", "--listen", "--runs"]));
  expect((await longform(["completion"], here)).stdout).toContain(`--get-yargs-completions "\${args[@]}"`);
});

test("a schema is JSON Schema with descriptions, and its example is a valid spec", async () => {
  const schema: unknown = JSON.parse((await longform(["schema"], here)).stdout);
  expect(schema).toMatchObject({ properties: { stages: { description: expect.stringContaining("earlier ones") } } });
  for (const [kind, { schema: known }] of Object.entries(specKinds)) {
    const example: unknown = JSON.parse((await longform(["schema", kind, "--example"], here)).stdout);
    expect(known.safeParse(example).success).toBe(true);
  }
});

/** What a command loads, by a hook that sees every module; the last line is what it has seen. */
const PROBE = `
import { createRequire, register } from "node:module";
import { appendFileSync, writeFileSync } from "node:fs";
const file = process.env.LOADED_FILE;
writeFileSync(file, "");
const hook = 'import { appendFileSync } from "node:fs"; export async function load(url, context, next) { appendFileSync(process.env.LOADED_FILE, url + "\\\\n"); return await next(url, context); }';
register("data:text/javascript," + encodeURIComponent(hook));
process.on("exit", () => appendFileSync(file, Object.keys(createRequire(import.meta.url).cache).join("\\n")));
`;

test.each([
  [["--help"], /\/node_modules\//],
  [["schema"], /grpc|protobuf|zeromq|esbuild/],
  [["validate", "examples/miniature/experiment.ts"], /grpc|protobuf|zeromq/],
])("%j loads no library that it does not need", async (args, unwanted) => {
  const folder = await mkdtemp(join(tmpdir(), "longform-probe-"));
  try {
    const loaded = join(folder, "loaded.txt");
    const variables = {
      LOADED_FILE: loaded,
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(PROBE)}`,
    };
    const { code } = await longform(args, { ...here, variables });
    expect(code).toBe(0);
    const modules = (await readFile(loaded, "utf8")).split("\n");
    expect(modules).toContain(pathToFileURL(program).href);
    expect(modules.filter((url) => unwanted.test(url))).toEqual([]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
