import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freeze } from "../../sdk/client/freeze.js";
import { prepareRun } from "../../sdk/client/prepare-run.js";
import { failureOf } from "../../sdk/failure/failure.js";
import { failureMessage } from "../../sdk/failure/failure-message.js";
import { Experiment } from "../../sdk/spec/experiment.js";

let here: string;

beforeAll(async () => {
  here = await mkdtemp(join(tmpdir(), "longform-prepare-"));
  await writeFile(join(here, "judge.ts"), 'export const judge = () => "one";');
  await writeFile(join(here, "items.jsonl"), "");
});

afterAll(async () => await rm(here, { recursive: true }));

const frozen = async (samplesPerItem: number) =>
  await freeze(
    Experiment.parse({
      format: 1,
      name: "prepared",
      stages: [
        {
          kind: "mmLongBenchWrite",
          name: "bench",
          model: { kind: "folder", path: "." },
          items: { kind: "records", path: "items.jsonl" },
          judge: { kind: "program", function: { module: "judge.ts", name: "judge" } },
          samplesPerItem,
        },
      ],
    }),
    here,
  );

async function refusal(work: Promise<void>): Promise<string> {
  return await work.then(
    () => "",
    (error: unknown) => failureMessage(failureOf(error)),
  );
}

test("a folder that holds another spec is left as it is, and what differs first is named", async () => {
  const runDir = join(here, "run");
  await prepareRun(runDir, await frozen(1));
  const spec = await readFile(join(runDir, "spec.json"), "utf8");
  const code = await readdir(join(runDir, "code"));
  const other = `The spec does not fit: ${join(runDir, "spec.json")}: found a run of another spec, expected the same spec, or another folder.\n`;
  const advice = "\nLeave --spec out to take the run up as it was frozen, or choose a new folder.";
  expect(await refusal(prepareRun(runDir, await frozen(2)))).toBe(
    `${other}What differs first: stages.0.samplesPerItem was 1 and is 2.${advice}`,
  );
  await writeFile(join(here, "judge.ts"), 'export const judge = () => "two";');
  const edited = await refusal(prepareRun(runDir, await frozen(1)));
  expect(edited.replaceAll(/[0-9a-f]{50,}/g, "…")).toBe(
    `${other}What differs first: stages.0.judge.function.module was "sha256:…… and is "sha256:……${advice}`,
  );
  expect(await readFile(join(runDir, "spec.json"), "utf8")).toBe(spec);
  expect(await readdir(join(runDir, "code"))).toEqual(code);
  expect((await readdir(runDir)).toSorted()).toEqual(["code", "spec.json"]);
});

test("a folder that holds the very same spec is as good as a new one", async () => {
  const runDir = join(here, "twice");
  await prepareRun(runDir, await frozen(3));
  await prepareRun(runDir, await frozen(3));
  expect((await readdir(runDir)).toSorted()).toEqual(["code", "spec.json"]);
  expect(await readdir(join(runDir, "code"))).toHaveLength(1);
});
