import { z } from "zod";
import { Dataset } from "./dataset.js";
import { hubFields } from "./hub.js";

/** A model folder on disk: config, tokenizer, processor and safetensors, as the hub stores them. */
const FolderModel = z
  .strictObject({
    kind: z.literal("folder").describe("A model folder on disk."),
    path: z.string().min(1).describe("The folder with config.json, tokenizer and safetensors."),
  })
  .readonly();

/** A model of a hub, resolved to a commit, taken from the local cache when it is there. */
const HubModel = z.strictObject({ kind: z.literal("hub").describe("A model of a hub."), ...hubFields }).readonly();
export type HubModel = z.output<typeof HubModel>;

const TextArchitecture = z
  .strictObject({
    layers: z.number().int().min(1).max(512).describe("Transformer blocks."),
    hiddenSize: z.number().int().min(8).describe("Width of the residual stream."),
    intermediateSize: z.number().int().min(8).describe("Width of the feed-forward part."),
    heads: z.number().int().min(1).describe("Query heads."),
    keyValueHeads: z.number().int().min(1).describe("Key and value heads."),
    ropeTheta: z.number().positive().default(1_000_000).describe("Base of the rotary positions."),
    maxPositions: z.number().int().min(16).default(32_768).describe("Longest sequence in tokens."),
  })
  .readonly();

const VisionArchitecture = z
  .strictObject({
    layers: z.number().int().min(1).max(512).describe("Transformer blocks."),
    hiddenSize: z.number().int().min(8).describe("Width of the residual stream."),
    intermediateSize: z.number().int().min(8).describe("Width of the feed-forward part."),
    heads: z.number().int().min(1).describe("Heads."),
    patchSize: z.number().int().min(1).default(14).describe("Side of a patch in pixels."),
    mergeSize: z.number().int().min(1).default(2).describe("Patches merged along each side."),
  })
  .readonly();

/** A new Qwen-VL with random weights and a tokenizer trained on a dataset's prompts and targets. */
const ScratchModel = z
  .strictObject({
    kind: z.literal("scratch").describe("A new model with random weights."),
    architecture: z
      .enum(["qwen2_vl", "qwen2_5_vl", "qwen3_vl"])
      .default("qwen2_5_vl")
      .describe("Family of the architecture."),
    corpus: Dataset.describe("Rows whose prompts and targets train the tokenizer."),
    vocabularySize: z.number().int().min(300).max(1_000_000).default(2_048).describe("Upper bound of the vocabulary."),
    text: TextArchitecture.describe("Widths of the language model."),
    vision: VisionArchitecture.describe("Widths of the vision tower."),
    initializerRange: z.number().positive().default(0.02).describe("Standard deviation of the initial weights."),
    seed: z
      .number()
      .int()
      .min(0)
      .max(2 ** 32 - 1)
      .default(42)
      .describe("Seed of the initial weights."),
  })
  .readonly();
export type ScratchModel = z.output<typeof ScratchModel>;

/** The model that a stage of the same experiment makes. */
export const StageModel = z
  .strictObject({
    kind: z.literal("stage").describe("The model of another stage."),
    stage: z.string().min(1).describe("Name of the stage."),
    gives: z.literal("model").describe("What the stage gives."),
  })
  .readonly();
export type StageModel = z.output<typeof StageModel>;

/** Where weights come from. */
export const Model = z.discriminatedUnion("kind", [FolderModel, HubModel, ScratchModel, StageModel]);
export type Model = z.output<typeof Model>;
export type ModelInput = z.input<typeof Model>;

/** A model folder on disk. */
export function folder(path: string): ModelInput {
  return { kind: "folder", path };
}

/** A model of a hub: `hub("Qwen/Qwen2.5-VL-7B-Instruct", { revision: "…", tokenVariable: "HF_TOKEN" })`. */
export function hub(repository: string, options: { revision?: string; tokenVariable?: string } = {}): ModelInput {
  return { kind: "hub", repository, ...options };
}

/** A new, small model with random weights: for worlds that are learnt from nothing. */
export function scratch(model: Omit<z.input<typeof ScratchModel>, "kind">): ModelInput {
  return { kind: "scratch", ...model };
}

/** Number format of weights and activations. */
export const Precision = z
  .enum(["float32", "bfloat16"])
  .default("bfloat16")
  .describe("Number format of weights and activations.");
export type Precision = z.output<typeof Precision>;
