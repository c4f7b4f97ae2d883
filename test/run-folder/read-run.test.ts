import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { canonicalJson, toJson } from "../../sdk/experiment/canonical-json.js";
import { experiment } from "../../sdk/experiment/experiment.js";
import { readExit, readSpec } from "../../sdk/run-folder/read-run.js";
import { temporaryFolder } from "../store/temporary-folder.js";

const spec = experiment("small", (x) => {
  x.sft("sft", {
    model: { kind: "folder", path: "/models/base" },
    dataset: { kind: "records", path: "/data/rows.jsonl" },
  });
});

test("the frozen spec is read as it was written", async () => {
  const runDir = temporaryFolder();
  writeFileSync(join(runDir, "spec.json"), canonicalJson(toJson(spec)));
  expect(await readSpec(runDir)).toEqual(spec);
});

test("a missing or damaged spec is a typed error that names the file", async () => {
  const runDir = temporaryFolder();
  const file = join(runDir, "spec.json");
  await expect(readSpec(runDir)).rejects.toMatchObject({
    failure: { code: "store_corrupt", facts: { file, found: "nothing" } },
  });
  writeFileSync(file, canonicalJson(toJson(spec)).replace('"format":1', '"format":3'));
  await expect(readSpec(runDir)).rejects.toMatchObject({ failure: { code: "store_corrupt", facts: { file } } });
});

test("a run that has not ended has no exit, and a damaged one is a typed error", async () => {
  const runDir = temporaryFolder();
  expect(await readExit(runDir)).toBeUndefined();
  writeFileSync(join(runDir, "exit.json"), '{"state":"finished"}');
  await expect(readExit(runDir)).rejects.toMatchObject({
    failure: { code: "store_corrupt", facts: { file: join(runDir, "exit.json") } },
  });
});
