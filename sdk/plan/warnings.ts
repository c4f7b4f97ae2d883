import type { Sft } from "../spec/sft.js";
import type { Device } from "./devices.js";
import type { ModelShape } from "./model-shape.js";
import type { TrainingPlan } from "./training-plan.js";

/** Something that runs and is probably not what was meant. */
export interface PlanWarning {
  /** Dotted path of the field in the stage. */
  readonly field: string;
  readonly reason: string;
}

type Planned = Omit<TrainingPlan, "warnings">;

/** Every warning about a training, with its reason. */
export function adviseTraining(
  spec: Sft,
  shape: ModelShape | null,
  device: Device,
  planned: Planned,
): readonly PlanWarning[] {
  return [
    ...aboutTuning(spec, planned),
    ...aboutRows(spec, shape, planned),
    ...aboutRanks(spec, planned),
    ...aboutDevice(spec, device, planned),
    ...aboutCheckpoints(spec, planned),
  ];
}

const lowForAdapters = 5e-5;
const highForWeights = 1e-4;

function aboutTuning({ tuning, optimizer }: Sft, { parameters }: Planned): readonly PlanWarning[] {
  const warnings: PlanWarning[] = [];
  const rate = optimizer.peakLearningRate;
  if (tuning.kind === "lora" && rate < lowForAdapters)
    warnings.push({
      field: "optimizer.peakLearningRate",
      reason: `${rate} is usual for whole weights; adapters learn at about ten times that, such as 1e-4`,
    });
  if (tuning.kind === "full" && rate > highForWeights && (parameters?.trained ?? 0) > 1e9)
    warnings.push({
      field: "optimizer.peakLearningRate",
      reason: `${rate} is high for the weights of a trained model; 1e-5 is usual`,
    });
  if (tuning.kind === "full" && tuning.frozenParts.includes("language"))
    warnings.push({
      field: "tuning.frozenParts",
      reason: "the language model stays as it is: how it writes can hardly change",
    });
  const learning: readonly string[] = tuning.kind === "lora" ? tuning.targets : (parameters?.trainedParts ?? []);
  for (const part of ["vision", "merger", "language"] as const)
    if (parameters !== null && optimizer.partLearningRates[part] !== undefined && !learning.includes(part))
      warnings.push({
        field: `optimizer.partLearningRates.${part}`,
        reason: `${part} stays as it is: its learning rate does nothing`,
      });
  return warnings;
}

function aboutRows(spec: Sft, shape: ModelShape | null, { rows, steps, preset }: Planned): readonly PlanWarning[] {
  const warnings: PlanWarning[] = [];
  const { dataset, visionPolicy } = spec;
  if (rows !== null && rows.refused > 0)
    warnings.push({
      field: "dataset",
      reason: `the audit refuses ${rows.refused === 1 ? "1 row" : `${grouped(rows.refused)} rows`}: the run will end before training (longform audit names them)`,
    });
  else if (rows?.rows === 0) warnings.push({ field: "dataset", reason: "no row is left to train on" });
  if (rows !== null && rows.mostImages > visionPolicy.maxImages)
    warnings.push({
      field: "visionPolicy.maxImages",
      reason: `rows of up to ${rows.mostImages} images have more than ${visionPolicy.maxImages}: their import would be refused`,
    });
  if (shape !== null && shape.window !== null && spec.maxTokens > shape.window)
    warnings.push({
      field: "maxTokens",
      reason: `${grouped(spec.maxTokens)} is above the model's window of ${grouped(shape.window)} tokens (max_position_embeddings): the audit refuses longer rows than that`,
    });
  if (rows !== null && rows.longestRowTokens > spec.maxTokens)
    warnings.push({
      field: "maxTokens",
      reason: `rows of up to ${grouped(rows.longestRowTokens)} tokens are longer than ${grouped(spec.maxTokens)}: ${consequences[spec.tooLong]}`,
    });
  if (steps !== null && steps.roundedSteps !== null && !wholeEpochs(steps.epochs, spec.epochs))
    warnings.push({
      field: "examplesPerStep",
      reason: `${grouped(steps.steps)} steps see ${grouped(steps.rowsSeen)} rows, ${steps.epochs.toFixed(4)} epochs: the last step is filled with rows of a further one${steps.roundedSteps === steps.steps ? "" : ` (rounded, as papers count: ${grouped(steps.roundedSteps)})`}`,
    });
  const merged = shape === null ? 1 : shape.vision.patch * shape.vision.merge;
  if (visionPolicy.gridMultiple % merged !== 0)
    warnings.push({
      field: "visionPolicy.gridMultiple",
      reason: `${visionPolicy.gridMultiple} is no multiple of ${merged}, the patches of this model: its rows would be refused`,
    });
  // A preset says so itself.
  if (preset === null && dataset.kind === "hub" && dataset.repository.toLowerCase() === "thu-keg/longwriter-v-22k")
    warnings.push({
      field: "dataset",
      reason: "its name says 22k and its paper 22,158 examples; the release has 19,378 rows",
    });
  return warnings;
}

const consequences: Readonly<Record<Sft["tooLong"], string>> = {
  refuse: "they would end the run before it trains",
  drop: "they are left out",
  cap: "their prompts lose words",
};

function wholeEpochs(seen: number, wanted: number): boolean {
  return Math.abs(seen - wanted) < 1e-9;
}

function aboutRanks({ zero, examplesPerStep, resources }: Sft, { ranks, memory }: Planned): readonly PlanWarning[] {
  const warnings: PlanWarning[] = [];
  if (zero.stage > 0 && ranks === 1 && memory !== null && memory.unsplitBytes <= memory.bytes)
    warnings.push({
      field: "zero.stage",
      reason: `one rank has nobody to split with: stage ${zero.stage} costs communication and saves nothing`,
    });
  if (examplesPerStep < ranks)
    warnings.push({
      field: "examplesPerStep",
      reason: `${examplesPerStep} examples leave ${ranks - examplesPerStep} of ${ranks} ranks without a row in every step`,
    });
  if (memory === null) return warnings;
  const { offloadedBytes, loadingBytes, deviceLoadingBytes } = memory.host;
  if (offloadedBytes > 0)
    warnings.push({
      field: "zero",
      reason: `offloading keeps ${gigabytes(offloadedBytes)} in the memory of each host, and its processors take the steps`,
    });
  if (deviceLoadingBytes > memory.deviceBytes)
    warnings.push({
      field: "model",
      reason: `below stage 3 every rank opens the whole model in float32 on its device: ${gigabytes(deviceLoadingBytes)}`,
    });
  if (loadingBytes > largeHost)
    warnings.push({
      field: "resources.ranksPerNode",
      reason: `at the start ${resources.ranksPerNode} ranks open the whole model each: ${gigabytes(loadingBytes)} in the memory of each host`,
    });
  return warnings;
}

/** What hosts of accelerators have at the least. */
const largeHost = 500e9;

function aboutDevice({ precision }: Sft, device: Device, { memory }: Planned): readonly PlanWarning[] {
  const warnings: PlanWarning[] = [];
  if (device.name === "cpu" && precision === "bfloat16")
    warnings.push({ field: "precision", reason: "processors compute bfloat16 slowly; float32 is quicker there" });
  if (device.name !== "cpu" && precision === "float32")
    warnings.push({
      field: "precision",
      reason: "float32 takes twice the memory of bfloat16 and a fraction of an accelerator's speed",
    });
  if (memory !== null && memory.bytesAtMaxTokens !== null && memory.verdict !== "does not fit") {
    const atMost = memory.bytesAtMaxTokens;
    if (atMost > memory.deviceBytes)
      warnings.push({
        field: "maxTokens",
        reason: `a row of all maxTokens would take ${gigabytes(atMost)}, more than the device has; none so long is expected`,
      });
  }
  return warnings;
}

const longHours = 12;

function aboutCheckpoints({ checkpointEverySteps, gate }: Sft, { compute }: Planned): readonly PlanWarning[] {
  if (checkpointEverySteps > 0) return [];
  const warnings: PlanWarning[] = [];
  if (gate !== undefined)
    warnings.push({
      field: "checkpointEverySteps",
      reason: "a missed gate ends the training, and without a checkpoint nothing of it is left",
    });
  if (compute !== null && compute.wallHours >= longHours)
    warnings.push({
      field: "checkpointEverySteps",
      reason: `${compute.wallHours.toFixed(0)} hours without a checkpoint: whatever ends the run ends all of them`,
    });
  return warnings;
}

function gigabytes(bytes: number): string {
  return `${grouped(Math.round(bytes / 1e9))} GB`;
}

function grouped(count: number): string {
  return Math.round(count).toLocaleString("en-US");
}
