import { nearestKey } from "../experiment/nearest-key.js";
import type { DatasetInput } from "../spec/dataset.js";
import type { ModelInput } from "../spec/model.js";
import { Sft, type SftInput } from "../spec/sft.js";
import type { VisionPolicyInput } from "../spec/vision-policy.js";
import { KeyReader, type KeyReport } from "./key-reader.js";
import { batches, length, optimizer, schedule, zero } from "./llama-factory-training.js";
import { tuning } from "./llama-factory-tuning.js";
import { dependentKeys, ignoredKeys, unsupportedKeys } from "./llama-factory-keys.js";

/** What a LLaMA-Factory training file says, and what only the machine at hand knows. */
export interface LlamaFactoryFile {
  readonly values: Readonly<Record<string, unknown>>;
  /** The DeepSpeed config that `deepspeed` names, where it could be read. */
  readonly deepspeed?: unknown;
  /** Whether a path that the file names is a folder here. */
  readonly isFolder: (path: string) => boolean;
  /** A path of the file as the spec has to write it. */
  readonly relocated: (path: string) => string;
  readonly nodes: number;
  readonly ranksPerNode: number;
}

export interface LlamaFactoryImport {
  readonly reports: readonly KeyReport[];
  /** The stage, or null when a key is refused. */
  readonly stage: SftInput | null;
}

/** The supervised fine-tuning that a LLaMA-Factory training file describes, with what became of each of its keys. */
export function importLlamaFactory(file: LlamaFactoryFile): LlamaFactoryImport {
  const keys = new KeyReader(file.values);
  const model = modelOf(keys, file);
  const dataset = datasetOf(keys, file);
  stageOf(keys);
  const settings = {
    visionPolicy: visionPolicyOf(keys),
    ...length(keys),
    ...batches(keys, file),
    ...optimizer(keys),
    ...schedule(keys),
    ...precision(keys),
    ...tuning(keys),
    ...zero(keys, file.deepspeed),
    ...observing(keys),
    ...(file.nodes * file.ranksPerNode === 1
      ? {}
      : { resources: { nodes: file.nodes, ranksPerNode: file.ranksPerNode } }),
  };
  others(keys);
  const isWhole = () => keys.reports.every(({ outcome }) => outcome !== "refused");
  if (model === undefined || dataset === undefined || !isWhole()) return { reports: keys.reports, stage: null };
  const stage = { model, dataset, ...settings };
  refuseWhatDoesNotFit(keys, stage);
  return { reports: keys.reports, stage: isWhole() ? stage : null };
}

/** What the schema refuses is told by the key that it comes from. */
function refuseWhatDoesNotFit(keys: KeyReader, stage: SftInput): void {
  for (const issue of Sft.safeParse({ kind: "sft", name: "sft", ...stage }).error?.issues ?? []) {
    const path = issue.path.map(String).join(".");
    const from = keys.reports.find(({ fields }) =>
      fields.some((field) => path === field || path.startsWith(`${field}.`)),
    );
    keys.missing(from?.key ?? path, `${path}: ${issue.message}`);
  }
}

function stageOf(keys: KeyReader): void {
  const stage = keys.text("stage");
  if (stage === "sft") keys.taken("stage", "kind");
  else if (stage !== undefined) keys.refuse("stage", "sft is the stage that can be imported");
}

function modelOf(keys: KeyReader, { isFolder, relocated }: LlamaFactoryFile): ModelInput | undefined {
  const name = keys.text("model_name_or_path");
  if (name === undefined) {
    keys.missing("model_name_or_path", "name the model to start from");
    return undefined;
  }
  const revision = keys.text("model_revision");
  keys.taken("model_name_or_path", "model");
  if (isFolder(name) || /^[./~]/.test(name)) {
    if (revision !== undefined) keys.ignored("model_revision", "a folder has no revisions");
    return { kind: "folder", path: relocated(name) };
  }
  if (!/^[\w.-]+\/[\w.-]+$/.test(name))
    keys.refuse("model_name_or_path", "name a folder, or organisation/name of a hub");
  if (revision !== undefined) keys.taken("model_revision", "model.revision");
  return { kind: "hub", repository: name, ...(revision === undefined ? {} : { revision }) };
}

function datasetOf(keys: KeyReader, { relocated }: LlamaFactoryFile): DatasetInput | undefined {
  const names = keys.list("dataset");
  const folder = keys.text("dataset_dir");
  const media = keys.text("media_dir");
  const limit = keys.takeNumber("max_samples", "dataset.limit");
  for (const key of ["mix_strategy", "interleave_probs"]) keys.ignored(key, "there is one dataset");
  const name = names?.length === 1 ? names[0] : undefined;
  if (name === undefined) {
    const whatToDo = "a stage learns from one dataset: bring the rows together in one entry of dataset_info.json";
    if (keys.value("dataset") === undefined) keys.missing("dataset", "name the dataset to learn");
    else keys.refuse("dataset", whatToDo);
    return undefined;
  }
  keys.taken("dataset", "dataset.name");
  if (folder === undefined) keys.assumed("dataset_dir", "data", ["dataset.path"]);
  else if (/^(ONLINE$|REMOTE:)/.test(folder))
    keys.refuse("dataset_dir", "download the folder, or use hubDataset() in a spec");
  else keys.taken("dataset_dir", "dataset.path");
  if (media !== undefined) keys.taken("media_dir", "dataset.mediaFolder");
  return {
    kind: "shareGpt",
    path: relocated(folder ?? "data"),
    name,
    ...(media === undefined ? {} : { mediaFolder: relocated(media) }),
    ...(limit === undefined ? {} : { limit }),
  };
}

const TEMPLATES = ["qwen2_vl", "qwen3_vl", "qwen3_vl_nothink"];

/** Pixels, and the grid of the family that the template names. */
function visionPolicyOf(keys: KeyReader): VisionPolicyInput {
  const template = keys.text("template");
  const isQwen3 = template?.startsWith("qwen3_vl") === true;
  if (template !== undefined && !TEMPLATES.includes(template))
    keys.refuse("template", `${TEMPLATES.join(", ")} are the templates of the models that are known`);
  else
    keys.changed(
      "template",
      isQwen3 ? ["visionPolicy.gridMultiple"] : [],
      `the model's own chat template is used${isQwen3 ? "; images come in multiples of 32 pixels" : ""}`,
    );
  const maxPixels = keys.takeNumber("image_max_pixels", "visionPolicy.maxPixels", 768 * 768);
  const minPixels = keys.takeNumber("image_min_pixels", "visionPolicy.minPixels");
  for (const key of ["image_do_pan_and_scan", "crop_to_patches"])
    if (keys.flag(key) === true) keys.refuse(key, "leave it out: it belongs to other models");
    else keys.ignored(key, "it is off");
  return {
    maxPixels,
    ...(minPixels === undefined ? {} : { minPixels }),
    ...(isQwen3 ? { gridMultiple: 32 } : {}),
  };
}

function precision(keys: KeyReader): Partial<SftInput> {
  const why = "float16 is not a format here; bfloat16 needs no scaling of the loss";
  const half = keys.flag("fp16");
  const pure = keys.flag("pure_bf16");
  const brain = keys.flag("bf16");
  if (half === true) keys.changed("fp16", ["precision"], why);
  else keys.ignored("fp16", "it is off");
  if (pure === true) keys.changed("pure_bf16", ["precision"], "the optimizer keeps float32 weights");
  else keys.ignored("pure_bf16", "it is off");
  const isDecided = half === true || pure === true;
  if (brain === true || (brain === false && !isDecided)) keys.taken("bf16", "precision");
  else if (isDecided) keys.ignored("bf16", "it is off");
  else if (keys.value("bf16") === undefined)
    keys.assumed("bf16", true, ["precision"], "without it the format of the weights decides, which is bfloat16");
  return { precision: brain === false && !isDecided ? "float32" : "bfloat16" };
}

function observing(keys: KeyReader): Partial<SftInput> {
  const loggers = keys.list("report_to") ?? [];
  const others = loggers.filter((name) => !["tensorboard", "none", "all"].includes(name));
  const tensorboard = loggers.includes("tensorboard") || loggers.includes("all");
  const unwritten = `${others.join(", ")} is not written for`;
  if (others.length > 0 && tensorboard) keys.changed("report_to", ["tensorboard"], unwritten);
  else if (others.length > 0) keys.ignored("report_to", `${unwritten}; report_to: tensorboard would be`);
  else if (tensorboard) keys.taken("report_to", "tensorboard");
  else keys.ignored("report_to", "every step is an event");
  const seed = keys.takeNumber("seed", "seed");
  if (keys.value("data_seed") !== undefined) keys.ignored("data_seed", "one seed orders rows and drops inputs");
  const reduce = keys.flag("disable_gradient_checkpointing");
  const checkpointing = keys.flag("gradient_checkpointing");
  if (reduce !== undefined) keys.taken("disable_gradient_checkpointing", "gradientCheckpointing");
  if (checkpointing !== undefined)
    if (reduce === true && checkpointing) keys.refuse("gradient_checkpointing", "it and its opposite are both set");
    else keys.taken("gradient_checkpointing", "gradientCheckpointing");
  return {
    ...(tensorboard ? { tensorboard } : {}),
    ...(seed === undefined ? {} : { seed }),
    // Over there it is on unless it is turned off.
    ...(reduce === true || checkpointing === false ? { gradientCheckpointing: false } : {}),
  };
}

/** Every key that no part above has read. */
function others(keys: KeyReader): void {
  const known = [...Object.keys(ignoredKeys), ...Object.keys(unsupportedKeys), ...keys.reports.map(({ key }) => key)];
  for (const key of keys.left) {
    const value = keys.value(key);
    if (value === undefined) {
      keys.ignored(key, "it says nothing");
      continue;
    }
    const isOff = value === false || value === 0 || value === "" || value === "none";
    const owner = Object.entries(dependentKeys).find(([start]) => key.startsWith(start));
    const unsupported = unsupportedKeys[key];
    const reason = ignoredKeys[key];
    if (unsupported !== undefined)
      if (isOff) keys.ignored(key, "it is off");
      else keys.refuse(key, unsupported);
    else if (reason !== undefined) keys.ignored(key, reason);
    else if (owner !== undefined) keys.ignored(key, owner[1]);
    else {
      const nearest = nearestKey(key, known);
      keys.refuse(
        key,
        `no such key is known${nearest === undefined ? ": leave it out" : `: did you mean ${nearest}?`}`,
      );
    }
  }
}
