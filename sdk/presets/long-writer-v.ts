import { type DatasetInput, longWriterV22k } from "../spec/dataset.js";
import { hub } from "../spec/model.js";
import type { SftInput } from "../spec/sft.js";
import { full } from "../spec/tuning.js";
import type { Preset } from "./preset.js";

/** What may differ from the published training. */
export interface PresetOptions {
  /** Other rows than the published ones. */
  readonly dataset?: DatasetInput;
}

const paper = "LongWriter-V, arXiv 2502.14834";
const card = (size: string) => `model card of THU-KEG/LongWriter-V-${size}`;
/** Trained on, after the paper's section 3.2; the release has 19,378 rows. */
const trainedRows = 10_000;

/** The training of LongWriter-V-7B from Qwen2.5-VL-7B-Instruct. */
export function longWriterV7b({ dataset }: PresetOptions = {}): SftInput {
  return {
    model: hub("Qwen/Qwen2.5-VL-7B-Instruct"),
    dataset: dataset ?? { ...longWriterV22k(), limit: trainedRows },
    ...shared,
    examplesPerStep: 16,
    optimizer: { ...adamw, peakLearningRate: 1e-5 },
    checkpointEverySteps: 500,
    resources: { nodes: 1, ranksPerNode: 8 },
  };
}

/** The training of LongWriter-V-72B from Qwen2.5-VL-72B-Instruct. */
export function longWriterV72b({ dataset }: PresetOptions = {}): SftInput {
  return {
    model: hub("Qwen/Qwen2.5-VL-72B-Instruct"),
    dataset: dataset ?? { ...longWriterV22k(), limit: trainedRows },
    ...shared,
    examplesPerStep: 288,
    optimizer: { ...adamw, peakLearningRate: 7e-6 },
    checkpointEverySteps: 10,
    resources: { nodes: 3, ranksPerNode: 8 },
  };
}

const adamw = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, maxGradientNorm: 1 };

const shared = {
  visionPolicy: { resize: "square", minPixels: 78_400, maxPixels: 78_400, gridMultiple: 28, maxImages: 30 },
  promptLayout: "imagesFirst",
  maxTokens: 32_768,
  epochs: 3,
  lossNormalisation: "example",
  schedule: { kind: "cosine", warmupFraction: 0.1, finalFraction: 0 },
  precision: "bfloat16",
  gradientCheckpointing: true,
  tuning: full({ frozenParts: ["vision", "merger"] }),
  zero: { stage: 3 },
  seed: 42,
} as const satisfies Partial<SftInput>;

const sharedSources = {
  "dataset.repository": `${paper}, abstract and section 3.2`,
  "dataset.limit": `${paper}, section 3.2: 10k samples`,
  "tuning.kind": "tags of the model card: full, LLaMA-Factory",
  "visionPolicy.resize": `${paper}, section 3.2: every image resized to 280x280`,
  "visionPolicy.minPixels": `${paper}, section 3.2: 280 x 280`,
  "visionPolicy.maxPixels": `${paper}, section 3.2: 280 x 280`,
  "visionPolicy.maxImages": `${paper}, section 3.2: up to 30 in a window of 32k`,
} as const;

function cardSources(size: string) {
  return {
    "model.repository": `${paper}, section 3.2`,
    "optimizer.peakLearningRate": `${paper}, section 3.2; ${card(size)}`,
    "optimizer.beta1": card(size),
    "optimizer.beta2": card(size),
    "optimizer.epsilon": card(size),
    "schedule.kind": card(size),
    "schedule.warmupFraction": card(size),
    epochs: `${paper}, section 3.2; ${card(size)}`,
    seed: card(size),
  };
}

const sharedAssumptions = {
  "model.revision": "no commit is published",
  "dataset.revision": "no commit is published",
  zero: "the example of LLaMA-Factory that the project names has ZeRO-3 without offload",
  "tuning.frozenParts": "LLaMA-Factory freezes both unless told otherwise",
  maxTokens: "cutoff_len is not published; the paper speaks of a window of 32k",
  tooLong: "LLaMA-Factory cuts longer rows; nothing is cut here",
  precision: "the released weights are bfloat16",
  "optimizer.weightDecay": "default of the trainer",
  "optimizer.maxGradientNorm": "default of the trainer",
  "schedule.finalFraction": "the trainer's cosine ends at 0",
  lossNormalisation: "the trainer took the mean over passes of one example each",
  promptLayout: "placeholders usually stand first",
  gradientCheckpointing: "default of LLaMA-Factory",
  tokensPerPass: "one row a pass there; short rows share one here, which changes no result",
  checkpointEverySteps: "not published; it moves no weight",
} as const;

export const longWriterV7bPreset: Preset = {
  input: longWriterV7b(),
  published: {
    ...cardSources("7B"),
    ...sharedSources,
    examplesPerStep: `${card("7B")}: 8 devices x 1 x 2`,
    "resources.nodes": `${paper}, appendix D.3: 8 x A800`,
    "resources.ranksPerNode": `${card("7B")}: 8 devices`,
  },
  assumed: sharedAssumptions,
  cost: { hours: 6, ranks: 8, device: "A800-80", source: `${paper}, appendix D.3` },
  contradictions: [
    "The dataset is called 22k and its paper counts 22,158 examples; the release has 19,378 rows.",
    "The paper trained on 10k of them with a mean of 2.8k words and names none: here the first 10,000 stand in.",
  ],
};

export const longWriterV72bPreset: Preset = {
  input: longWriterV72b(),
  published: {
    ...cardSources("72B"),
    ...sharedSources,
    examplesPerStep: `${card("72B")}: 24 devices x 1 x 12`,
    "resources.ranksPerNode": `${paper}, appendix D.3: servers of 8 x A800`,
    "resources.nodes": `${card("72B")}: 24 devices`,
  },
  assumed: sharedAssumptions,
  cost: { hours: 72, ranks: 24, device: "A800-80", source: `${paper}, appendix D.3; GPUs after the card` },
  contradictions: [
    ...longWriterV7bPreset.contradictions,
    "The paper says 8 x A800 for the 72B as well; its card says 24 devices and 288 examples a step.",
  ],
};
