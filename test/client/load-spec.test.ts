import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { loadSpec } from "../../sdk/client/load-spec.js";

const SPEC = `
import { experiment, folder, records } from "longform";
import { name } from "near";
import { steps } from "far";
export default experiment(name, (x) => {
  x.sft("sft", { model: folder(import.meta.url), dataset: records("rows.jsonl"), steps });
});
`;

let outer: string;
let project: string;

beforeAll(async () => {
  outer = await mkdtemp(join(tmpdir(), "longform-load-"));
  project = join(outer, "project");
  await writePackage(join(project, "node_modules", "near"), 'export const name = "near";');
  await writePackage(join(outer, "node_modules", "far"), "export const steps = 7;");
  await writeFile(join(project, "spec.ts"), SPEC);
  await writeFile(join(project, "lacking.ts"), 'import x from "no-such-package"; export default x;');
  await chmod(outer, 0o755);
  await mkdir(join(outer, "tmp"));
  await chmod(join(outer, "tmp"), 0o777);
  vi.stubEnv("TMPDIR", join(outer, "tmp"));
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(outer, { recursive: true });
});

async function writePackage(folder: string, code: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "package.json"), '{ "type": "module", "exports": { "import": "./index.js" } }');
  await writeFile(join(folder, "index.js"), code);
}

/** Does something while nothing can be written in the folder of the project: root may write everywhere, and is nobody meanwhile. */
async function whileReadOnly(work: () => Promise<void>): Promise<void> {
  const root = process.getuid?.() === 0;
  await chmod(project, 0o555);
  if (root) process.seteuid?.(65_534);
  try {
    await expect(writeFile(join(project, "probe"), "")).rejects.toThrow("EACCES");
    await work();
  } finally {
    if (root) process.seteuid?.(0);
    await chmod(project, 0o755);
  }
}

const loaded = () => ({
  name: "near",
  stages: [{ steps: 7, model: { path: pathToFileURL(join(project, "spec.ts")).href } }],
});

test("a spec in a folder that cannot be written loads with the packages of every folder above, and leaves nothing", async () => {
  // The compiler is a process that starts with the first spec, and has to be there before this one is nobody.
  expect((await loadSpec(join(project, "spec.ts"))).experiment).toMatchObject(loaded());
  await whileReadOnly(async () => {
    expect((await loadSpec(join(project, "spec.ts"))).experiment).toMatchObject(loaded());
    await expect(loadSpec(join(project, "lacking.ts"))).rejects.toThrow(
      `Cannot find package 'no-such-package' imported from ${join(project, "lacking.ts")}`,
    );
  });
  expect(await readdir(tmpdir())).toEqual([]);
});

test("one spec loads many times at the same moment, and nothing lies beside it afterwards", async () => {
  const all = await Promise.all(Array.from({ length: 20 }, async () => await loadSpec(join(project, "spec.ts"))));
  for (const { experiment } of all) expect(experiment).toMatchObject(loaded());
  expect((await readdir(project)).toSorted()).toEqual(["lacking.ts", "node_modules", "spec.ts"]);
});
