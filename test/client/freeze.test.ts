import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freeze } from "../../sdk/client/freeze.js";
import { loadSpec } from "../../sdk/client/load-spec.js";
import { prepareRun } from "../../sdk/client/prepare-run.js";
import { SpecError } from "../../sdk/experiment/spec-error.js";

const SPEC = `
import { experiment, folder, generated } from "longform";
import { world } from "./names.js";
export default experiment("captured", (x) => {
  x.sft("sft", { model: folder("model"), dataset: generated(world, "rows", { count: 2 }) });
});
`;

let here: string;

beforeAll(async () => {
  here = await mkdtemp(join(tmpdir(), "longform-freeze-"));
  await writeFile(join(here, "spec.ts"), SPEC);
  await writeFile(join(here, "names.ts"), `export const world = new URL("./world.ts", import.meta.url);`);
  await writeFile(
    join(here, "world.ts"),
    `import { one } from "./one.ts"; export const rows = (args: { count: number }) => Array.from({ length: args.count }, () => one);`,
  );
  await writeFile(join(here, "one.ts"), "export const one = { id: 1 };");
  await writeFile(join(here, "model"), "");
});

afterAll(async () => await rm(here, { recursive: true }));

async function failure(work: Promise<unknown>): Promise<SpecError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof SpecError) return error;
  throw new Error(`expected a SpecError, got ${String(error)}`);
}

test("a spec of several files loads, and its user functions are captured with what they import", async () => {
  const { experiment, base } = await loadSpec(join(here, "spec.ts"));
  const frozen = await freeze(experiment, base);
  const [bundle] = frozen.code;
  expect(frozen.code).toHaveLength(1);
  expect(bundle?.exports).toEqual(["rows"]);
  const [stage] = frozen.experiment.stages;
  expect(stage?.kind === "sft" && stage.dataset.kind === "generated" && stage.dataset.function.module).toBe(
    `sha256:${bundle?.sha256}`,
  );
  expect(bundle?.code).not.toContain(here);
});

test("an edit of an imported file changes the captured hash", async () => {
  const { experiment, base } = await loadSpec(join(here, "spec.ts"));
  const before = await freeze(experiment, base);
  await writeFile(join(here, "one.ts"), "export const one = { id: 2 };");
  const after = await freeze(experiment, base);
  expect(after.code[0]?.sha256).not.toBe(before.code[0]?.sha256);
});

test("the spec of a run freezes to itself, with the code that lies beside it and no other", async () => {
  const { experiment, base } = await loadSpec(join(here, "spec.ts"));
  const frozen = await freeze(experiment, base);
  const run = join(here, "runs", "captured-1");
  await prepareRun(run, frozen);
  const again = await loadSpec(join(run, "spec.json"));
  expect(await freeze(again.experiment, again.base)).toEqual(frozen);

  const [bundle] = frozen.code;
  const path = join(run, "code", `${bundle?.sha256}.mjs`);
  const refused = async () => (await failure(freeze(again.experiment, again.base))).findings;
  const finding = {
    path: "stages.0.dataset.function.module",
    expected: "the folder `code` of the run beside its spec.json, or the path of a module",
  };
  await writeFile(path, `${bundle?.code}\n`);
  expect(await refused()).toEqual([{ ...finding, found: `"sha256:${bundle?.sha256}", and other code in ${path}` }]);
  await rm(path);
  expect(await refused()).toEqual([{ ...finding, found: `"sha256:${bundle?.sha256}", and no file ${path}` }]);
});

test("an export that is missing is named beside those that are there", async () => {
  const { experiment, base } = await loadSpec(join(here, "spec.ts"));
  const [stage] = experiment.stages;
  if (stage?.kind !== "sft" || stage.dataset.kind !== "generated") throw new Error("the spec has another form");
  const wrong = { ...stage, dataset: { ...stage.dataset, function: { ...stage.dataset.function, name: "decks" } } };
  const { findings } = await failure(freeze({ ...experiment, stages: [wrong] }, base));
  expect(findings).toEqual([
    {
      path: "stages.0.dataset.function.name",
      found: '"decks"',
      expected: `an export of ${join(here, "world.ts")}: rows`,
    },
  ]);
});

test("a file that does not compile, that exports no spec or that is missing is named", async () => {
  await writeFile(join(here, "broken.ts"), "export default {");
  expect((await failure(loadSpec(join(here, "broken.ts")))).message).toContain("broken.ts:1");
  expect((await failure(loadSpec(join(here, "world.ts")))).message).toContain("the exports rows");
  expect((await failure(loadSpec(join(here, "absent.ts")))).message).toContain("no such file");
});
