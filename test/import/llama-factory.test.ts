import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { importLlamaFactory } from "../../sdk/import/llama-factory.js";
import { specSource } from "../../sdk/import/spec-source.js";
import { Experiment } from "../../sdk/spec/experiment.js";
import { jsonLines, longform } from "../cli/command.js";

const files = join(import.meta.dirname, "llama-factory");
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "longform-import-"));
  await cp(files, folder, { recursive: true });
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** What a file with these keys becomes on one rank, where no file and no folder is. */
function imported(values: Record<string, unknown>, deepspeed?: unknown) {
  return importLlamaFactory({
    values: { model_name_or_path: "org/model", dataset: "rows", ...values },
    deepspeed,
    isFolder: (path) => path === "models/base",
    relocated: (path) => path,
    nodes: 1,
    ranksPerNode: 1,
  });
}

/** The one report of a key. */
function reportOf(key: string, values: Record<string, unknown>, deepspeed?: unknown) {
  const { reports, stage } = imported({ ...values }, deepspeed);
  return { ...reports.find((report) => report.key === key), stage };
}

test.each([
  ["full", ["--ranks-per-node", "8"], 0],
  ["lora", [], 0],
  ["refused", [], 2],
] as const)("the list and the spec of %s.yaml are the recorded ones", async (name, options, code) => {
  const ended = await longform(["import", "llama-factory", `${name}.yaml`, ...options], { folder });
  expect(ended).toMatchObject({ code, stderr: "" });
  await expect(ended.stdout).toMatchFileSnapshot(join(files, `${name}.list.txt`));
  const written = (await readdir(folder)).includes(`${name}.ts`);
  expect(written).toBe(code === 0);
  if (written)
    await expect(await readFile(join(folder, `${name}.ts`), "utf8")).toMatchFileSnapshot(
      join(files, `${name}.spec.txt`),
    );
});

test("a spec that was written is valid, and as JSON it says the same", async () => {
  const args = ["import", "llama-factory", "full.yaml", "--json", "--ranks-per-node", "8", "--output"];
  const [typed, plain] = [
    await longform([...args, "specs.typed.ts"], { folder }),
    await longform([...args, "specs.plain.json"], { folder }),
  ];
  expect([typed.code, plain.code]).toEqual([0, 0]);
  const [answer] = jsonLines(plain.stdout);
  expect(answer).toMatchObject({ ok: true, output: "specs.plain.json" });
  expect(answer?.["keys"]).toContainEqual({
    key: "cutoff_len",
    value: 32_768,
    outcome: "changed",
    fields: ["maxTokens"],
    why: expect.stringContaining("tooLong"),
  });
  const spec = Experiment.parse(JSON.parse(await readFile(join(folder, "specs.plain.json"), "utf8")));
  expect(spec.stages[0]).toMatchObject({ examplesPerStep: 16, zero: { stage: 3 }, maxTokens: 32_768 });
  await mkdir(join(folder, "decks", "pages"), { recursive: true });
  await writeFile(join(folder, "decks", "dataset_info.json"), "{}");
  const plans = await Promise.all(
    ["specs.typed.ts", "specs.plain.json"].map(
      async (name) => await longform(["validate", name, "--json"], { folder }),
    ),
  );
  expect(plans.map(({ code, stderr }) => ({ code, stderr }))).toEqual([
    { code: 0, stderr: "" },
    { code: 0, stderr: "" },
  ]);
});

test("paths of the file are written relative to the spec", async () => {
  await mkdir(join(folder, "specs"), { recursive: true });
  const ended = await longform(["import", "llama-factory", "full.yaml", "--output", "specs/a.ts"], { folder });
  expect(ended.code).toBe(0);
  expect(await readFile(join(folder, "specs", "a.ts"), "utf8")).toContain('shareGpt("../decks", "long_decks"');
});

test("the folder of the spec is made, and a command that is printed can be pasted", async () => {
  const ended = await longform(["import", "llama-factory", "full.yaml", "--output", "new/my full.ts"], { folder });
  expect(ended).toMatchObject({ code: 0, stderr: "" });
  expect(ended.stdout).toContain("`longform plan 'new/my full.ts'`");
  expect(await readdir(join(folder, "new"))).toEqual(["my full.ts"]);
});

test("a file whose name has no letter that an experiment could be called by gives an experiment all the same", async () => {
  await cp(join(folder, "lora.yaml"), join(folder, "训练.yaml"));
  const ended = await longform(["import", "llama-factory", "训练.yaml"], { folder });
  expect(ended).toMatchObject({ code: 0, stderr: "" });
  expect(await readFile(join(folder, "训练.ts"), "utf8")).toContain('experiment("imported", ');
});

test("how rows are weighed over there is said, and whether the spec has the same", () => {
  const one = reportOf("per_device_train_batch_size", { per_device_train_batch_size: 1 });
  const four = reportOf("per_device_train_batch_size", { per_device_train_batch_size: 4 });
  const absent = reportOf("per_device_train_batch_size", {});
  for (const { stage, fields } of [one, four, absent]) {
    expect(stage).toMatchObject({ lossNormalisation: "example" });
    expect(fields).toContain("lossNormalisation");
  }
  expect(one.why).toContain("as passes of one row do over there");
  expect(four.why).toContain("neither lossNormalisation is equal to it");
  expect(absent.why).toContain("every pass of 8 rows weighs the same");
});

test.each([
  ["bf16", {}, { outcome: "assumed", fields: ["precision"] }],
  ["bf16", { bf16: null }, { outcome: "assumed", fields: ["precision"] }],
  ["bf16", { bf16: false }, { outcome: "taken", fields: ["precision"] }],
  ["bf16", { bf16: false, fp16: true }, { outcome: "ignored", fields: [] }],
  ["report_to", { report_to: "wandb" }, { outcome: "ignored", fields: [] }],
  ["report_to", { report_to: "wandb,tensorboard" }, { outcome: "changed", fields: ["tensorboard"] }],
  ["disable_shuffling", { disable_shuffling: false }, { outcome: "ignored", fields: [] }],
])("what is said of %s in %o is what was written", (key, values, expected) => {
  const { stage, ...report } = reportOf(key, values);
  expect(report).toMatchObject(expected);
  for (const field of report.fields ?? []) expect(stage).toHaveProperty(field);
});

test.each([
  ["a file that is there already", ["full.yaml", "--output", "lora.yaml.ts"], "is there already"],
  ["another ending", ["full.yaml", "--output", "spec.py"], "must end in .ts"],
  ["a folder that is a file", ["full.yaml", "--output", "full.yaml/spec.ts"], "cannot be written"],
  ["no such file", ["gone.yaml"], "cannot be read"],
  ["a list instead of keys", ["list.yaml"], "must hold keys and values"],
  ["broken YAML", ["broken.yaml"], "is no YAML"],
  ["a DeepSpeed config that is no JSON", ["config.yaml"], "is no JSON"],
])("bad input ends with a sentence and writes nothing: %s", async (_, args, message) => {
  await writeFile(join(folder, "lora.yaml.ts"), "");
  await writeFile(join(folder, "list.yaml"), "- a\n- b\n");
  await writeFile(join(folder, "broken.yaml"), "a: [1\nb: }\n");
  await writeFile(join(folder, "config.yaml"), "deepspeed: broken.yaml\n");
  const ended = await longform(["import", "llama-factory", ...args], { folder });
  expect({ ...ended, stderr: ended.stderr.includes(message) }).toEqual({ code: 2, stdout: "", stderr: true });
});

test("defaults of LLaMA-Factory that differ from ours are written, so that the spec trains what the file trained", () => {
  const { stage, reports } = imported({});
  expect(stage).toMatchObject({
    dataset: { kind: "shareGpt", path: "data", name: "rows" },
    visionPolicy: { maxPixels: 589_824 },
    maxTokens: 2_048,
    epochs: 3,
    examplesPerStep: 8,
    optimizer: { peakLearningRate: 5e-5 },
    schedule: { kind: "linear", warmupFraction: 0 },
    tuning: { kind: "lora", rank: 8, alpha: 16, targets: ["language"] },
    checkpointEverySteps: 500,
  });
  expect(new Set(reports.map(({ outcome }) => outcome))).toEqual(new Set(["taken", "assumed"]));
});

test.each([
  [{ stage: 2 }, undefined, { stage: 2 }],
  [{ stage: 2, offload_optimizer: { device: "cpu" } }, undefined, { stage: 2, offloadOptimizer: true }],
  [
    { stage: 3, offload_optimizer: { device: "cpu" }, offload_param: { device: "cpu" } },
    undefined,
    { stage: 3, offloadOptimizer: true, offloadParameters: true },
  ],
  [{ stage: 3, offload_param: { device: "none" } }, undefined, { stage: 3 }],
  [undefined, "x/ds_z0_config.json", { stage: 0 }],
  [undefined, "zero1.json", { stage: 1 }],
  [undefined, "ds_z3_offload_config.json", { stage: 3, offloadOptimizer: true, offloadParameters: true }],
])("ZeRO %o, or by the name %s, is %o", (zero, path, expected) => {
  const config = zero && { zero_optimization: zero };
  expect(imported({ deepspeed: path ?? "some.json" }, config).stage?.zero).toEqual(expected);
  if (config) expect(imported({ deepspeed: config }).stage?.zero).toEqual(expected);
});

test.each([
  ["deepspeed", { deepspeed: "some.json" }, "zero_optimization"],
  ["learning_rate", { learning_rate: 5 }, "optimizer.peakLearningRate"],
  ["lora_rank", { lora_rank: 0 }, "tuning.rank"],
  ["per_device_train_batch_size", { per_device_train_batch_size: 0.5 }, "examplesPerStep"],
  ["image_min_pixels", { image_min_pixels: 10_000_000 }, "visionPolicy.minPixels"],
  ["freeze_language_model", { freeze_language_model: true }, "leave a part that learns"],
  ["warmup_steps", { warmup_steps: 10 }, "warmup_ratio"],
  ["optim", { optim: "adafactor" }, "AdamW"],
  ["bf16", { bf16: "perhaps" }, "true or false"],
  ["use_dora", { use_dora: true }, "LoRA"],
  ["disable_shuffling", { disable_shuffling: true }, "the seed decides"],
  ["lr_scheduler_tpye", { lr_scheduler_tpye: "cosine" }, "lr_scheduler_type"],
  ["gradient_checkpointing", { gradient_checkpointing: true, disable_gradient_checkpointing: true }, "opposite"],
  ["dataset_dir", { dataset_dir: "ONLINE" }, "hubDataset"],
  ["dataset", { dataset: null }, "name the dataset"],
  ["model_name_or_path", { model_name_or_path: null }, "name the model"],
])("%s is refused with what to do", (key, values, whatToDo) => {
  const { outcome, why, stage } = reportOf(key, values);
  expect({ outcome, stage }).toEqual({ outcome: "refused", stage: null });
  expect(why).toContain(whatToDo);
});

test.each([
  [{ learning_rate: "1e-5" }, { optimizer: { peakLearningRate: 1e-5 } }],
  [{ lr_scheduler_type: "constant", warmup_ratio: 0.1 }, { schedule: { kind: "constant", warmupFraction: 0 } }],
  [{ warmup_steps: 0.2, warmup_ratio: 0.1 }, { schedule: { warmupFraction: 0.2 } }],
  [{ warmup_steps: 0, warmup_ratio: 0.1 }, { schedule: { warmupFraction: 0.1 } }],
  [{ max_steps: -1, num_train_epochs: 2 }, { epochs: 2 }],
  [{ bf16: false }, { precision: "float32" }],
  [{ bf16: true }, { precision: "bfloat16" }],
  [{ freeze_vision_tower: false }, { tuning: { targets: ["vision", "language"] } }],
  [{ lora_target: "q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj" }, { tuning: { rank: 8 } }],
  [{ lora_target: "gate_proj,up_proj,down_proj" }, { tuning: { layers: "feedForward" } }],
  [{ model_name_or_path: "models/base" }, { model: { kind: "folder", path: "models/base" } }],
  [{ model_revision: "v1" }, { model: { kind: "hub", repository: "org/model", revision: "v1" } }],
  [{ save_strategy: "epoch" }, { checkpointEverySteps: 0 }],
  [{ template: "qwen3_vl" }, { visionPolicy: { gridMultiple: 32 } }],
])("%o becomes %o", (values, expected) => {
  expect(imported(values).stage).toMatchObject(expected);
});

test("a token in the file is neither printed nor kept", () => {
  const { reports } = imported({ hf_hub_token: "hf_secret", swanlab_api_key: "sw_secret" });
  expect(JSON.stringify(reports)).not.toContain('secret"');
  expect(JSON.stringify(reports)).toContain("hf_hub_token");
});

test("a spec of another model and dataset is written as plain objects", () => {
  const stage = {
    model: { kind: "stage", stage: "base", gives: "model" },
    dataset: { kind: "records", path: "a b.jsonl" },
  } as const;
  expect(specSource("x", stage, [])).toContain('dataset: { kind: "records", path: "a b.jsonl" },');
});
