import { z } from "zod";
import type { ScratchModel } from "../spec/model.js";

/** The families that are trained here. */
export type ModelFamily = "qwen2_vl" | "qwen2_5_vl" | "qwen3_vl";

/** Everything about a model that its parameters, memory and arithmetic follow from. */
export interface ModelShape {
  readonly family: ModelFamily;
  readonly vocabulary: number;
  /** The head is the embedding matrix itself. */
  readonly tied: boolean;
  /** Positions that the model was made for; null where nothing says so. */
  readonly window: number | null;
  readonly text: {
    readonly layers: number;
    readonly hidden: number;
    readonly intermediate: number;
    readonly heads: number;
    readonly keyValueHeads: number;
    readonly headSize: number;
  };
  readonly vision: {
    readonly layers: number;
    readonly hidden: number;
    readonly intermediate: number;
    /** Side of a patch in pixels; a patch spans two frames. */
    readonly patch: number;
    /** Patches merged along each side. */
    readonly merge: number;
    /** Layers whose patches attend to the whole image; the others attend to a window. */
    readonly fullAttentionLayers: number;
    /** Patches of a window. */
    readonly windowPatches: number;
    /** Learnt positions; 0 for rotary positions alone. */
    readonly positions: number;
    /** Mergers beside the last one, whose output enters the first blocks of the language model. */
    readonly deepMergers: number;
  };
}

const size = z.number().int().positive();

const TextConfig = z.object({
  hidden_size: size,
  num_hidden_layers: size,
  intermediate_size: size,
  num_attention_heads: size,
  num_key_value_heads: size,
  head_dim: size.nullish(),
  vocab_size: size,
  tie_word_embeddings: z.boolean().optional(),
  max_position_embeddings: size.nullish(),
});

const VisionConfig = z.object({
  depth: size.default(32),
  embed_dim: size.optional(),
  hidden_size: size,
  mlp_ratio: z.number().positive().default(4),
  intermediate_size: size.optional(),
  patch_size: size.optional(),
  spatial_patch_size: size.optional(),
  spatial_merge_size: size.default(2),
  window_size: size.default(112),
  fullatt_block_indexes: z.array(z.number()).default([7, 15, 23, 31]),
  num_position_embeddings: size.default(2_304),
  deepstack_visual_indexes: z.array(z.number()).default([8, 16, 24]),
});

const Config = z.object({
  model_type: z.enum(["qwen2_vl", "qwen2_5_vl", "qwen3_vl"]),
  tie_word_embeddings: z.boolean().optional(),
  text_config: TextConfig.optional(),
  vision_config: VisionConfig,
});

/**
 * Reads the shape out of a parsed config.json, in the nested form of today or the flat one of the first releases.
 *
 * @returns null when it describes no model of a family that is trained here.
 */
export function shapeOfConfig(config: unknown): ModelShape | null {
  const read = Config.safeParse(config);
  const flat = TextConfig.safeParse(config);
  if (!read.success) return null;
  const text = read.data.text_config ?? flat.data;
  if (text === undefined) return null;
  const family = read.data.model_type;
  return {
    family,
    vocabulary: text.vocab_size,
    tied: read.data.tie_word_embeddings ?? text.tie_word_embeddings ?? false,
    window: text.max_position_embeddings ?? null,
    text: {
      layers: text.num_hidden_layers,
      hidden: text.hidden_size,
      intermediate: text.intermediate_size,
      heads: text.num_attention_heads,
      keyValueHeads: text.num_key_value_heads,
      headSize: text.head_dim ?? Math.floor(text.hidden_size / text.num_attention_heads),
    },
    vision: visionShape(family, read.data.vision_config),
  };
}

function visionShape(family: ModelFamily, vision: z.output<typeof VisionConfig>): ModelShape["vision"] {
  const patch = vision.patch_size ?? vision.spatial_patch_size ?? (family === "qwen3_vl" ? 16 : 14);
  // Qwen2-VL calls the width of its tower embed_dim and the width of what it gives hidden_size.
  const hidden = family === "qwen2_vl" ? (vision.embed_dim ?? 1_280) : vision.hidden_size;
  return {
    layers: vision.depth,
    hidden,
    intermediate: vision.intermediate_size ?? Math.floor(hidden * vision.mlp_ratio),
    patch,
    merge: vision.spatial_merge_size,
    ...attentionOf(family, vision.depth, vision.fullatt_block_indexes.length, Math.floor(vision.window_size / patch)),
    positions: family === "qwen3_vl" ? vision.num_position_embeddings : 0,
    deepMergers: family === "qwen3_vl" ? vision.deepstack_visual_indexes.length : 0,
  };
}

/** Qwen2.5-VL alone has windows. */
function attentionOf(family: ModelFamily, layers: number, full: number, windowSide: number) {
  return family === "qwen2_5_vl"
    ? { fullAttentionLayers: Math.min(full, layers), windowPatches: windowSide ** 2 }
    : { fullAttentionLayers: layers, windowPatches: 0 };
}

/** The shape of a new model; its vocabulary may come out smaller. */
export function shapeOfScratch({ architecture, text, vision, vocabularySize }: ScratchModel): ModelShape {
  const deep = architecture === "qwen3_vl";
  return {
    family: architecture,
    vocabulary: vocabularySize,
    tied: false,
    window: text.maxPositions,
    text: {
      layers: text.layers,
      hidden: text.hiddenSize,
      intermediate: text.intermediateSize,
      heads: text.heads,
      keyValueHeads: text.keyValueHeads,
      headSize: Math.floor(text.hiddenSize / text.heads),
    },
    vision: {
      layers: vision.layers,
      hidden: vision.hiddenSize,
      intermediate: vision.intermediateSize,
      patch: vision.patchSize,
      merge: vision.mergeSize,
      fullAttentionLayers: vision.layers,
      windowPatches: 0,
      positions: deep ? 2_304 : 0,
      deepMergers: deep ? 1 : 0,
    },
  };
}
