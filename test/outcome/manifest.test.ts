import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { experiment, presets } from "longform";
import { afterEach, expect, test } from "vitest";
import { z } from "zod";
import { writeManifest } from "../../runners/outcome/manifest.js";
import { runPaths } from "../../sdk/run-folder/run-paths.js";

const folders: string[] = [];

afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

const Manifest = z.looseObject({
  started: z.string(),
  stages: z.array(
    z.looseObject({
      stage: z.string(),
      seed: z.number(),
      preset: z.string().optional(),
      assumed: z.array(z.object({ field: z.string(), value: z.json(), why: z.string() })).optional(),
    }),
  ),
});

async function manifestOf(runDir: string) {
  return Manifest.parse(JSON.parse(await readFile(runPaths(runDir).manifest, "utf8")));
}

test("a manifest names every value that a preset assumes and the spec has kept, and is written once", async () => {
  const runDir = await mkdtemp(join(tmpdir(), "longform-manifest-"));
  folders.push(runDir);
  const spec = experiment("paper", (x) => {
    x.sft("sft", { ...presets.longWriterV7b(), maxTokens: 16_384 });
  });
  await writeManifest(runDir, spec, "0".repeat(64));
  const [stage] = (await manifestOf(runDir)).stages;
  expect(stage).toMatchObject({ stage: "sft", seed: 42, preset: "longWriterV7b" });
  const assumed = stage?.assumed?.map(({ field }) => field);
  expect(assumed).toContain("lossNormalisation");
  // Chosen by the user, so nobody's assumption.
  expect(assumed).not.toContain("maxTokens");

  const first = await manifestOf(runDir);
  await writeManifest(runDir, spec, "1".repeat(64));
  expect(await manifestOf(runDir)).toEqual(first);
});
