import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { commandText, programWords, runCommandText, shellWord } from "../../runners/cli/invocation.js";

let home: string;
let script: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "longform-invocation-"));
  script = join(home, "package", "dist", "longform.js");
  await mkdir(join(home, "package", "dist"), { recursive: true });
  await mkdir(join(home, "bin"));
  await mkdir(join(home, "project", "node_modules", ".bin"), { recursive: true });
  await writeFile(script, "");
  await chmod(script, 0o755);
  await symlink(script, join(home, "bin", "longform"));
  await symlink(script, join(home, "project", "node_modules", ".bin", "longform"));
});

afterAll(async () => await rm(home, { recursive: true }));

test("a command that is on the path is called by its name, also through its link", () => {
  const variables = { PATH: `/nowhere:${join(home, "bin")}` };
  expect(programWords({ script: join(home, "bin", "longform"), workingFolder: "/", variables })).toBe("longform");
  expect(programWords({ script, workingFolder: "/", variables })).toBe("longform");
});

test("a command of the project is called through npx inside of it, and by its path outside", () => {
  const bin = join(home, "project", "node_modules", ".bin");
  const invocation = { script: join(bin, "longform"), variables: { PATH: bin } };
  expect(programWords({ ...invocation, workingFolder: join(home, "project", "deep") })).toBe("npx longform");
  expect(programWords({ ...invocation, workingFolder: home })).toBe("node project/node_modules/.bin/longform");
  expect(programWords({ ...invocation, workingFolder: join(home, "bin") })).toBe(`node ${join(bin, "longform")}`);
});

test("a script that Node was given is called so again, by the shortest path that works", () => {
  const variables = { PATH: "/usr/bin" };
  expect(programWords({ script, workingFolder: join(home, "package"), variables })).toBe("node dist/longform.js");
  expect(programWords({ script, workingFolder: join(home, "bin"), variables })).toBe(`node ${script}`);
});

test("under npm run the shell may stand in another folder: then everything is an absolute path", () => {
  const invocation = { script, workingFolder: join(home, "package"), variables: { PATH: "/usr/bin", INIT_CWD: home } };
  const run = join(home, "package", "runs", "one");
  expect(runCommandText("watch", run, undefined, invocation)).toBe(`node ${script} watch ${run}`);
  const inPlace = { ...invocation, variables: { PATH: "/usr/bin", INIT_CWD: join(home, "package") } };
  expect(runCommandText("watch", run, undefined, inPlace)).toBe("node dist/longform.js watch one");
  expect(runCommandText("watch", run, "my runs", inPlace)).toBe("node dist/longform.js watch one --runs 'my runs'");
});

test("words are quoted as a shell reads them back", () => {
  expect(shellWord("a/b-c.d")).toBe("a/b-c.d");
  expect(shellWord("it's $HOME")).toBe(`'it'\\''s $HOME'`);
  const variables = { PATH: join(home, "bin") };
  expect(commandText(["ps", "a b"], { script, workingFolder: "/", variables })).toBe("longform ps 'a b'");
});
