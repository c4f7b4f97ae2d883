import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { jsonLines, longform } from "./command.js";

/** It takes about a minute where two cores are free. */
const PATIENCE_MS = 600_000;
const world = fileURLToPath(new URL("../e2e/micro/world.ts", import.meta.url));

/** Two trainings of a model that nobody has downloaded, and a benchmark of what comes out. */
const SPEC = `
import { experiment, full, generated, hub, lora, programJudge, userFunction } from "longform";
const world = ${JSON.stringify(world)};
const visionPolicy = { minPixels: 784, maxPixels: 784, maxImages: 3 } as const;
export default experiment("decks", (x) => {
  const first = x.sft("first", {
    model: hub("Qwen/Qwen2.5-VL-72B-Instruct"),
    dataset: generated(world, "rows", { count: 5000, sentences: 1 }),
    visionPolicy,
    maxTokens: 512,
    tuning: full({ frozenParts: ["vision"] }),
    zero: { stage: 3 },
    resources: { nodes: 4, ranksPerNode: 8 },
    checkpointEverySteps: 100,
  });
  const second = x.sft("second", {
    model: first,
    dataset: generated(world, "rows", { count: 400, sentences: 2 }),
    visionPolicy,
    maxTokens: 512,
    tuning: lora({ rank: 4 }),
    gate: { dataset: generated(world, "rows", { count: 50, sentences: 1 }), atLeast: 0.9 },
  });
  x.mmLongBenchWrite("bench", {
    model: second,
    items: generated(world, "items", { count: 100, sentences: 2 }),
    visionPolicy,
    samplesPerItem: 4,
    judge: programJudge(world, "absentJudge"),
    measures: { namesColour: userFunction(world, "namesColour") },
  });
});
`;

const UNREACHABLE = `
import { experiment, hub, hubDataset } from "longform";
export default experiment("far", (x) => {
  x.sft("sft", { model: hub("someone/unknown-vl"), dataset: hubDataset("someone/rows"), visionPolicy: { gridMultiple: 32 } });
});
`;

describe("longform rehearse", { timeout: PATIENCE_MS }, () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "longform-rehearse-"));
    await writeFile(join(folder, "decks.ts"), SPEC);
    await writeFile(join(folder, "far.ts"), UNREACHABLE);
  });

  afterAll(async () => await rm(folder, { recursive: true }));

  test("runs two trainings and a benchmark to their end on tiny models and tells what that does not prove", async () => {
    const { code, stdout, stderr } = await longform(["rehearse", "decks.ts"], { folder });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const lines = stdout.split("\n");
    const row = (start: RegExp) => lines.find((line) => start.test(line))?.split(/ {2,}/);
    expect(row(/^first +model/)).toEqual([
      "first",
      "model",
      "Qwen/Qwen2.5-VL-72B-Instruct of the hub",
      "a tiny qwen2_5_vl with random weights",
    ]);
    expect(row(/^first +ranks/)).toEqual(["first", "ranks", "8 ranks on each of 4 nodes", "1 rank on each of 2 nodes"]);
    expect(row(/^second +gate/)).toEqual(["second", "gate", "exactMatch of at least 0.9", "none"]);
    expect(row(/^bench +judge/)).toEqual(["bench", "judge", "a program", "one that says 3 to everything"]);
    for (const stage of ["first", "second", "bench"])
      expect(
        lines.some((line) => new RegExp(`^${stage} +\\d+\\.\\d +rows|^${stage} +\\d+\\.\\d +items`).test(line)),
      ).toBe(true);
    expect(stdout).toMatch(/first: done in .* 2 steps, loss/);
    expect(lines.filter((line) => line.startsWith("the real run would "))).toEqual([
      "the real run would load real weights and take their memory and time: longform plan decks.ts",
      "the real run would read every row, counted by its own tokenizer: longform audit decks.ts",
      "the real run would write to every item, as long as the model likes",
      "the real run would ask its own judge",
      "the real run would measure its gates",
      "the real run would write checkpoints",
      "the real run would train first on 8 ranks on each of 4 nodes",
    ]);
  });

  test("a dataset of a hub that cannot be reached is found out; a family that nobody knows is assumed and said so", async () => {
    const variables = { HF_ENDPOINT: "http://127.0.0.1:9", HF_HOME: join(folder, "empty") };
    const { code, stdout, stderr } = await longform(["rehearse", "far.ts"], { folder, variables });
    expect(code).toBe(2);
    expect(stdout).toContain(
      "assumed: that someone/unknown-vl is a qwen3_vl, by the gridMultiple 32 of sft: neither the catalogue nor the local cache knows it",
    );
    expect(stdout).toContain("fetched: all of someone/rows, though few of its rows are used");
    expect(stderr).toContain("someone/rows at revision main is not in the local cache, and the hub cannot be reached");
    expect(stderr).toContain("someone/rows is fetched as it is in the real run, which would end here too.");
  });

  test("a folder that holds no model of a known family is refused before anything runs", async () => {
    await writeFile(join(folder, "config.json"), '{"model_type":"llama"}');
    await writeFile(
      join(folder, "llama.ts"),
      `import { experiment, folder, records } from "longform";
export default experiment("llama", (x) => { x.sft("sft", { model: folder("."), dataset: records("decks.ts") }); });`,
    );
    const { code, stdout } = await longform(["rehearse", "llama.ts", "--json"], { folder });
    expect(code).toBe(2);
    expect(jsonLines(stdout)).toMatchObject([{ error: { code: "model_refused", facts: { file: folder } } }]);
  });
});
