import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { z } from "zod";
import { packageRoot } from "#environments";
import { jsonLines, longform } from "./command.js";

// A plan is quick; a loaded machine is not, and most tests here make several.
vi.setConfig({ testTimeout: 120_000 });

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "longform-plan-"));
});
afterAll(async () => await rm(folder, { recursive: true }));

const config = {
  model_type: "qwen2_5_vl",
  tie_word_embeddings: true,
  text_config: {
    hidden_size: 2_048,
    intermediate_size: 11_008,
    num_attention_heads: 16,
    num_hidden_layers: 36,
    num_key_value_heads: 2,
    vocab_size: 151_936,
  },
  vision_config: { depth: 32, hidden_size: 1_280, intermediate_size: 3_420, patch_size: 14 },
};

/** An experiment of one training as JSON. */
async function experimentFile(name: string, model: object, settings: object = {}): Promise<string> {
  const stage = { kind: "sft", name: "sft", model, dataset: { kind: "records", path: "rows.jsonl" }, ...settings };
  await writeFile(join(folder, name), JSON.stringify({ format: 1, name: "plan", stages: [stage] }));
  await writeFile(
    join(folder, "rows.jsonl"),
    '{"id":"a","language":"en","prompt":"Write.","target":"Text.","images":[]}\n',
  );
  return name;
}

const Planned = z.looseObject({
  parameters: z.looseObject({ model: z.looseObject({ total: z.number() }), trained: z.number() }).nullable(),
  memory: z.looseObject({ bytes: z.number(), verdict: z.string() }).nullable(),
});

/** The plan of the only training that `--json` prints. */
async function plannedTraining(file: string, args: readonly string[] = [], variables: Record<string, string> = {}) {
  const { stdout, stderr } = await longform(["plan", file, "--json", ...args], { folder, variables });
  expect(stderr).toBe("");
  const training = jsonLines(stdout).find(({ kind }) => kind === "sft");
  return Planned.parse(training?.["plan"]);
}

/** What a plan says of its training, without the table of stages. */
async function trainingText(example: string, args: readonly string[]): Promise<string> {
  const file = join(packageRoot, "examples", example);
  const { code, stdout, stderr } = await longform(["plan", file, ...args], { folder });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toContain("6   sft                sft      run: waits for sft/model, sft/audit");
  return stdout.slice(stdout.indexOf("\nsft: ") + 1);
}

/** Made again with LONGFORM_RECORD=1. */
async function expectRecorded(name: string, text: string): Promise<void> {
  const file = join(packageRoot, "test", "golden", name);
  if (process.env["LONGFORM_RECORD"] === "1") await writeFile(file, text);
  expect(text).toBe(await readFile(file, "utf8"));
}

test("the plan of the published 7B needs neither weights nor rows nor Python, and reads as recorded", async () => {
  await expectRecorded("plan-paper-7b.txt", await trainingText("paper-7b.ts", ["--device", "A800-80"]));
});

test("the plan of the published 72B says that it does not fit, why, and what would", async () => {
  await expectRecorded("plan-paper-72b.txt", await trainingText("paper-72b.ts", []));
});

test("--json prints one object a stage, the training's with every number", async () => {
  const file = join(packageRoot, "examples", "paper-7b.ts");
  const { stdout } = await longform(["plan", file, "--json"], { folder });
  const stages = jsonLines(stdout);
  expect(stages.map(({ kind }) => kind)).toEqual(["fetch", "read", "import", "fetch", "audit", "sft"]);
  expect(stages.filter(({ plan }) => plan !== undefined)).toHaveLength(1);
  expect(stages.at(-1)?.["plan"]).toMatchObject({
    level: "estimated",
    ranks: 8,
    parameters: { model: { total: 8_292_166_656 }, trained: 7_615_616_512 },
    rows: { rows: 10_000 },
    steps: { steps: 1_875 },
    paddingShare: 0,
    memory: { verdict: "fits", deviceBytes: 80e9 },
    zeroConfig: { zero_optimization: { stage: 3 } },
    preset: { name: "longWriterV7b" },
  });
});

test("a model folder is described by its own config.json", async () => {
  await mkdir(join(folder, "base"), { recursive: true });
  await writeFile(join(folder, "base", "config.json"), JSON.stringify(config));
  const file = await experimentFile("folder.json", { kind: "folder", path: "base" });
  expect((await plannedTraining(file)).parameters?.model.total).toBe(3_754_622_976);
});

test("a model folder whose config.json is broken is told so", async () => {
  await mkdir(join(folder, "broken"), { recursive: true });
  await writeFile(join(folder, "broken", "config.json"), "{");
  const file = await experimentFile("broken.json", { kind: "folder", path: "broken" });
  const { stdout } = await longform(["plan", file], { folder });
  const text = stdout.replaceAll(/\s+/g, " ");
  expect(text).toContain("config.json holds no JSON: give its config.json with --config");
  expect(text).not.toContain("the catalogue");
});

test("an unknown model of the hub has no shapes until a config.json gives them", async () => {
  const file = await experimentFile("unknown.json", { kind: "hub", repository: "somebody/model" });
  const empty = { HF_HUB_CACHE: join(folder, "no-cache") };
  const { stdout } = await longform(["plan", file], { folder, variables: empty });
  expect(stdout).toContain("its shapes are unknown: neither the catalogue nor the local cache knows it");
  expect(stdout.replaceAll(/\s+/g, " ")).toContain("give its config.json with --config");
  expect(await plannedTraining(file, [], empty)).toMatchObject({ parameters: null, memory: null });
  await writeFile(join(folder, "given.json"), JSON.stringify(config));
  const given = await plannedTraining(file, ["--config", join(folder, "given.json")], empty);
  expect(given.parameters?.model.total).toBe(3_754_622_976);
});

test("a model in the hub's local cache is described by the config.json there", async () => {
  const commit = "0123456789abcdef0123456789abcdef01234567";
  const cached = join(folder, "cache", "models--somebody--model");
  await mkdir(join(cached, "snapshots", commit), { recursive: true });
  await mkdir(join(cached, "refs"), { recursive: true });
  await writeFile(join(cached, "refs", "main"), commit);
  await writeFile(join(cached, "snapshots", commit, "config.json"), JSON.stringify(config));
  const variables = { HF_HUB_CACHE: join(folder, "cache") };
  const file = await experimentFile("cached.json", { kind: "hub", repository: "somebody/model" });
  expect((await plannedTraining(file, [], variables)).parameters?.model.total).toBe(3_754_622_976);
  const pinned = await experimentFile("pinned.json", { kind: "hub", repository: "somebody/model", revision: commit });
  expect((await plannedTraining(pinned, [], variables)).parameters?.model.total).toBe(3_754_622_976);
});

test("the device decides the verdict, and its memory may be given alone", async () => {
  const model = { kind: "hub", repository: "Qwen/Qwen2.5-VL-7B-Instruct" };
  const settings = { zero: { stage: 3 }, resources: { ranksPerNode: 8 } };
  const file = await experimentFile("device.json", model, settings);
  const verdict = async (...args: string[]) => (await plannedTraining(file, args)).memory?.verdict;
  expect(await verdict()).toBe("fits");
  expect(await verdict("--device", "A100-40")).toBe("does not fit");
  expect(await verdict("--device-memory", "55GB")).toBe("tight");
});

test.each([
  [["--device", "H999"], "--device H999: not in the catalogue"],
  [["--device-memory", "80"], "--device-memory 80: found no size; write 80GB or 79.6GiB."],
  [["--mfu", "2"], "--mfu 2: a share above 0 and up to 1."],
  [["--config", "rows.jsonl"], "--config: rows.jsonl is no config.json of a Qwen2-VL, Qwen2.5-VL or Qwen3-VL."],
  [["--config", "nothere.json"], "--config: nothere.json does not exist."],
  [["--config", "."], "--config: . holds no JSON."],
])("%j is refused with what is expected", async (args, message) => {
  const file = await experimentFile("refused.json", { kind: "hub", repository: "somebody/other" });
  const variables = { HF_HUB_CACHE: join(folder, "no-cache") };
  const { code, stdout, stderr } = await longform(["plan", file, ...args], { folder, variables });
  expect(code).toBe(2);
  expect(stdout).toBe("");
  expect(stderr).toContain(message);
});
