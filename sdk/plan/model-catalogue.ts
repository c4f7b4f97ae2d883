import type { ModelFamily, ModelShape } from "./model-shape.js";

/**
 * Shapes of published models, as their config.json has them; parameter counts that follow equal those of the
 * published weights (test/plan/parameters.test.ts).
 */
const qwen2Vision: ModelShape["vision"] = {
  layers: 32,
  hidden: 1_280,
  intermediate: 5_120,
  patch: 14,
  merge: 2,
  fullAttentionLayers: 32,
  windowPatches: 0,
  positions: 0,
  deepMergers: 0,
};
const qwen25Vision: ModelShape["vision"] = {
  ...qwen2Vision,
  intermediate: 3_420,
  fullAttentionLayers: 4,
  windowPatches: 64,
};
const qwen25LargeVision: ModelShape["vision"] = { ...qwen25Vision, intermediate: 3_456 };
const qwen3SmallVision: ModelShape["vision"] = {
  layers: 24,
  hidden: 1_024,
  intermediate: 4_096,
  patch: 16,
  merge: 2,
  fullAttentionLayers: 24,
  windowPatches: 0,
  positions: 2_304,
  deepMergers: 3,
};
const qwen3Vision: ModelShape["vision"] = {
  ...qwen3SmallVision,
  layers: 27,
  hidden: 1_152,
  intermediate: 4_304,
  fullAttentionLayers: 27,
};

function text(layers: number, hidden: number, intermediate: number, heads: number, keyValueHeads: number) {
  return { layers, hidden, intermediate, heads, keyValueHeads, headSize: 128 };
}

const text7b = { vocabulary: 152_064, tied: false, text: text(28, 3_584, 18_944, 28, 4) };
const text72b = { vocabulary: 152_064, tied: false, text: text(80, 8_192, 29_568, 64, 8) };

/** By repository of the hub. */
const catalogue: Readonly<Record<string, Omit<ModelShape, "window">>> = {
  "Qwen/Qwen2-VL-2B-Instruct": {
    family: "qwen2_vl",
    vocabulary: 151_936,
    tied: true,
    text: text(28, 1_536, 8_960, 12, 2),
    vision: qwen2Vision,
  },
  "Qwen/Qwen2-VL-7B-Instruct": { family: "qwen2_vl", ...text7b, vision: qwen2Vision },
  "Qwen/Qwen2-VL-72B-Instruct": { family: "qwen2_vl", ...text72b, vision: qwen2Vision },
  "Qwen/Qwen2.5-VL-3B-Instruct": {
    family: "qwen2_5_vl",
    vocabulary: 151_936,
    tied: true,
    text: text(36, 2_048, 11_008, 16, 2),
    vision: qwen25Vision,
  },
  "Qwen/Qwen2.5-VL-7B-Instruct": { family: "qwen2_5_vl", ...text7b, vision: qwen25Vision },
  "Qwen/Qwen2.5-VL-32B-Instruct": {
    family: "qwen2_5_vl",
    vocabulary: 152_064,
    tied: false,
    text: text(64, 5_120, 27_648, 40, 8),
    vision: qwen25LargeVision,
  },
  "Qwen/Qwen2.5-VL-72B-Instruct": { family: "qwen2_5_vl", ...text72b, vision: qwen25LargeVision },
  "Qwen/Qwen3-VL-2B-Instruct": {
    family: "qwen3_vl",
    vocabulary: 151_936,
    tied: true,
    text: text(28, 2_048, 6_144, 16, 8),
    vision: qwen3SmallVision,
  },
  "Qwen/Qwen3-VL-4B-Instruct": {
    family: "qwen3_vl",
    vocabulary: 151_936,
    tied: true,
    text: text(36, 2_560, 9_728, 32, 8),
    vision: qwen3SmallVision,
  },
  "Qwen/Qwen3-VL-8B-Instruct": {
    family: "qwen3_vl",
    vocabulary: 151_936,
    tied: false,
    text: text(36, 4_096, 12_288, 32, 8),
    vision: qwen3Vision,
  },
  "Qwen/Qwen3-VL-32B-Instruct": {
    family: "qwen3_vl",
    vocabulary: 151_936,
    tied: false,
    text: text(64, 5_120, 25_600, 64, 8),
    vision: qwen3Vision,
  },
};

/** max_position_embeddings of their config.json. */
const windows: Readonly<Record<ModelFamily, number>> = { qwen2_vl: 32_768, qwen2_5_vl: 128_000, qwen3_vl: 262_144 };

/** Trained from a model of the catalogue, so of its shape. */
const sameShape: Readonly<Record<string, string>> = {
  "THU-KEG/LongWriter-V-7B": "Qwen/Qwen2.5-VL-7B-Instruct",
  "THU-KEG/LongWriter-V-7B-DPO": "Qwen/Qwen2.5-VL-7B-Instruct",
  "THU-KEG/LongWriter-V-72B": "Qwen/Qwen2.5-VL-72B-Instruct",
};

export const catalogueNames: readonly string[] = Object.keys(catalogue);

/** The shape of a model of the hub, or undefined for one that is not in the catalogue. */
export function catalogueShape(repository: string): ModelShape | undefined {
  const shape = catalogue[sameShape[repository] ?? repository];
  return shape && { ...shape, window: windows[shape.family] };
}
