import { z } from "zod";
import type { SftInput } from "../spec/sft.js";
import type { KeyReader } from "./key-reader.js";

/** Longest row. */
export function length(keys: KeyReader): Partial<SftInput> {
  const maxTokens = keys.number("cutoff_len");
  const why =
    "no row is ever cut: tooLong says whether longer ones are refused, dropped or lose the end of their prompt";
  if (maxTokens === undefined && keys.value("cutoff_len") === undefined)
    keys.assumed("cutoff_len", 2_048, ["maxTokens"]);
  else if (maxTokens !== undefined) keys.changed("cutoff_len", ["maxTokens"], why);
  for (const key of ["packing", "neat_packing"])
    if (keys.flag(key) === true) keys.ignored(key, "rows are always packed, and each sees itself alone");
    else keys.changed(key, [], "rows are always packed; loss and gradients are those of single rows");
  return { maxTokens: maxTokens ?? 2_048 };
}

/** Examples in a step, tokens in a pass, and how long it goes on. */
export function batches(
  keys: KeyReader,
  { nodes, ranksPerNode }: { readonly nodes: number; readonly ranksPerNode: number },
): Partial<SftInput> {
  const ranks = nodes * ranksPerNode;
  const each = batchSize(keys);
  const passes = keys.takeNumber("gradient_accumulation_steps", "examplesPerStep", 1) ?? 1;
  const product = `${each} x ${passes} x ${ranks} ${ranks === 1 ? "rank" : "ranks"}`;
  const hint = ranks === 1 ? "; --nodes and --ranks-per-node say how many there are" : "";
  keys.changed(
    "per_device_train_batch_size",
    ["examplesPerStep", "tokensPerPass", "lossNormalisation"],
    `examplesPerStep is ${product}${hint}; a pass holds rows up to as many tokens; ${lossWeighting(each)}`,
  );
  keys.changed("gradient_accumulation_steps", ["examplesPerStep"], "a step has as many passes as its rows need");
  const steps = keys.number("max_steps");
  const epochs = keys.number("num_train_epochs");
  const isLimited = steps !== undefined && steps > 0;
  if (isLimited) keys.taken("max_steps", "steps");
  else keys.ignored("max_steps", "no limit");
  if (isLimited) keys.ignored("num_train_epochs", "max_steps decides");
  else if (epochs === undefined) keys.assumed("num_train_epochs", 3, ["epochs"]);
  else keys.taken("num_train_epochs", "epochs");
  const cutoff = keys.number("cutoff_len") ?? 2_048;
  return {
    ...(isLimited ? { steps } : { epochs: epochs ?? 3 }),
    examplesPerStep: each * passes * ranks,
    tokensPerPass: Math.max(16, each * cutoff),
    lossNormalisation: "example",
    ...checkpoints(keys),
  };
}

function batchSize(keys: KeyReader): number {
  const key = "per_device_train_batch_size";
  const value = keys.number(key);
  if (value === undefined && keys.value(key) === undefined)
    keys.assumed(key, 8, ["examplesPerStep", "tokensPerPass", "lossNormalisation"], lossWeighting(8));
  return value ?? 8;
}

/** Over there the loss of a step is the mean over its passes of the mean over the tokens of each. */
function lossWeighting(batchSize: number): string {
  return batchSize === 1
    ? 'lossNormalisation "example" weighs every row the same, as passes of one row do over there'
    : `over there every pass of ${batchSize} rows weighs the same, and its tokens share that weight; neither lossNormalisation is equal to it: "example", which is written, weighs every row the same, "token" every token`;
}

function checkpoints(keys: KeyReader): Partial<SftInput> {
  const strategy = keys.text("save_strategy");
  const every = keys.number("save_steps");
  if (strategy === "no" || strategy === "epoch" || strategy === "best") {
    const why = strategy === "no" ? "no checkpoints" : "checkpoints come every so many steps: set save_steps";
    keys.changed("save_strategy", ["checkpointEverySteps"], why);
    keys.ignored("save_steps", `save_strategy is ${strategy}`);
    return { checkpointEverySteps: 0 };
  }
  if (every === undefined) {
    if (keys.value("save_steps") === undefined) keys.assumed("save_steps", 500, ["checkpointEverySteps"]);
    return { checkpointEverySteps: 500 };
  }
  if (every > 0 && every < 1) keys.refuse("save_steps", "give a whole number of steps");
  else keys.taken("save_steps", "checkpointEverySteps");
  return { checkpointEverySteps: every };
}

/** AdamW. */
export function optimizer(keys: KeyReader): Partial<SftInput> {
  const kind = keys.text("optim");
  if (kind !== undefined)
    if (kind.startsWith("adamw_torch") || kind === "adamw_hf") keys.taken("optim", "optimizer");
    else keys.refuse("optim", "the optimizer is AdamW: adamw_torch");
  const entries = [
    ["peakLearningRate", keys.takeNumber("learning_rate", "optimizer.peakLearningRate", 5e-5)],
    ["beta1", keys.takeNumber("adam_beta1", "optimizer.beta1")],
    ["beta2", keys.takeNumber("adam_beta2", "optimizer.beta2")],
    ["epsilon", keys.takeNumber("adam_epsilon", "optimizer.epsilon")],
    ["weightDecay", keys.takeNumber("weight_decay", "optimizer.weightDecay")],
    ["maxGradientNorm", keys.takeNumber("max_grad_norm", "optimizer.maxGradientNorm")],
  ] as const;
  return { optimizer: Object.fromEntries(entries.filter(([, value]) => value !== undefined)) };
}

/** The learning rate over the steps. */
export function schedule(keys: KeyReader): Partial<SftInput> {
  const type = keys.text("lr_scheduler_type");
  if (type === undefined) keys.assumed("lr_scheduler_type", "linear", ["schedule.kind"]);
  const kind = scheduleKind(type ?? "linear");
  if (kind === undefined)
    keys.refuse("lr_scheduler_type", "cosine, linear, constant and constant_with_warmup are known");
  else keys.taken("lr_scheduler_type", "schedule.kind");
  const warmupFraction = type === "constant" ? noWarmup(keys) : warmup(keys);
  return { schedule: { kind: kind ?? "linear", warmupFraction } };
}

function scheduleKind(type: string): "cosine" | "linear" | "constant" | undefined {
  switch (type) {
    case "cosine":
    case "linear":
    case "constant":
      return type;
    case "constant_with_warmup":
      return "constant";
    default:
      return undefined;
  }
}

function noWarmup(keys: KeyReader): number {
  for (const key of ["warmup_ratio", "warmup_steps"])
    keys.ignored(key, "lr_scheduler_type: constant does not warm up; constant_with_warmup does");
  return 0;
}

function warmup(keys: KeyReader): number {
  const steps = keys.number("warmup_steps") ?? 0;
  const ratio = keys.number("warmup_ratio");
  const limit = keys.number("max_steps") ?? -1;
  if (steps >= 1) {
    keys.ignored("warmup_ratio", "warmup_steps decides");
    if (limit > 0) keys.changed("warmup_steps", ["schedule.warmupFraction"], `${steps} of ${limit} steps as a share`);
    else keys.refuse("warmup_steps", "give warmup_ratio: how many steps there are is known when the rows are");
    return limit > 0 ? steps / limit : 0;
  }
  if (steps > 0) {
    keys.taken("warmup_steps", "schedule.warmupFraction");
    keys.ignored("warmup_ratio", "warmup_steps decides");
    return steps;
  }
  keys.ignored("warmup_steps", "it is 0");
  if (ratio !== undefined) keys.taken("warmup_ratio", "schedule.warmupFraction");
  else if (keys.value("warmup_ratio") === undefined) keys.assumed("warmup_ratio", 0, ["schedule.warmupFraction"]);
  return ratio ?? 0;
}

const DeepSpeed = z.looseObject({
  zero_optimization: z
    .looseObject({
      stage: z.literal([0, 1, 2, 3]).default(0),
      offload_optimizer: z.looseObject({ device: z.string().default("none") }).optional(),
      offload_param: z.looseObject({ device: z.string().default("none") }).optional(),
    })
    .default({ stage: 0 }),
});

/** How state is split over ranks: out of the DeepSpeed config, or its name where it cannot be read. */
export function zero(keys: KeyReader, config: unknown): Partial<SftInput> {
  const named = keys.value("deepspeed");
  if (named === undefined) return {};
  const found = DeepSpeed.safeParse(typeof named === "object" ? named : config);
  const rest = "the rest of the config follows from the spec: longform plan prints it";
  if (found.success) {
    const { stage, offload_optimizer: moments, offload_param: weights } = found.data.zero_optimization;
    keys.changed("deepspeed", ["zero"], rest);
    return { zero: zeroOf(stage, isOffloaded(moments?.device), isOffloaded(weights?.device)) };
  }
  const name = typeof named === "string" ? /(?:^|[^a-z])(?:z|zero)_?([0-3])(?![0-9])/i.exec(named) : null;
  if (name === null || config !== undefined) {
    keys.refuse("deepspeed", "name a config whose zero_optimization.stage is 0, 1, 2 or 3");
    return {};
  }
  const stage = z.literal([0, 1, 2, 3]).parse(Number(name[1]));
  const offloads = typeof named === "string" && /offload/i.test(named);
  keys.changed("deepspeed", ["zero"], `read from its name, because there is no such file here; ${rest}`);
  return { zero: zeroOf(stage, offloads, offloads && stage === 3) };
}

function isOffloaded(device: string | undefined): boolean {
  return device !== undefined && device !== "none";
}

function zeroOf(stage: 0 | 1 | 2 | 3, offloadOptimizer: boolean, offloadParameters: boolean): SftInput["zero"] {
  return {
    stage,
    ...(offloadOptimizer ? { offloadOptimizer } : {}),
    ...(offloadParameters ? { offloadParameters } : {}),
  };
}
