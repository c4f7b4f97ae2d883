import type { ModelPart, Tuning } from "../spec/tuning.js";
import type { ModelShape } from "./model-shape.js";

/** Parameters of a model by tower. */
export interface ParameterCounts {
  readonly vision: number;
  readonly merger: number;
  readonly embeddings: number;
  /** Blocks of the language model and its last norm. */
  readonly blocks: number;
  /** 0 when it is the embedding matrix. */
  readonly head: number;
  readonly total: number;
}

/** Counts every weight of a model of this shape. */
export function countParameters(shape: ModelShape): ParameterCounts {
  const embeddings = shape.vocabulary * shape.text.hidden;
  const towers = {
    vision: visionParameters(shape),
    merger: mergerParameters(shape),
    embeddings,
    blocks: blockParameters(shape),
    head: shape.tied ? 0 : embeddings,
  };
  return { ...towers, total: Object.values(towers).reduce((sum, count) => sum + count, 0) };
}

/** Widths of the query and of the key projection. */
export function attentionWidths({ text }: ModelShape): { readonly query: number; readonly key: number } {
  return { query: text.heads * text.headSize, key: text.keyValueHeads * text.headSize };
}

function blockParameters(shape: ModelShape): number {
  const { layers, hidden, intermediate, headSize } = shape.text;
  const { query, key } = attentionWidths(shape);
  // Qwen3 has norms on queries and keys where the older ones have biases.
  const biasOrNorm = shape.family === "qwen3_vl" ? 2 * headSize : query + 2 * key;
  const attention = 2 * hidden * query + 2 * hidden * key + biasOrNorm;
  return layers * (attention + 3 * hidden * intermediate + 2 * hidden) + hidden;
}

function visionParameters({ family, vision }: ModelShape): number {
  const { layers, hidden, intermediate, patch, positions } = vision;
  const attention = 4 * hidden ** 2 + 4 * hidden;
  const gated = family === "qwen2_5_vl";
  const feedForward = gated
    ? 3 * hidden * intermediate + 2 * intermediate + hidden
    : 2 * hidden * intermediate + intermediate + hidden;
  // Root mean square norms have a weight, layer norms a bias as well.
  const norms = gated ? 2 * hidden : 4 * hidden;
  const patchEmbedding = valuesOfPatch(patch) * hidden + (family === "qwen3_vl" ? hidden : 0);
  return layers * (attention + feedForward + norms) + patchEmbedding + positions * hidden;
}

function mergerParameters({ family, vision, text }: ModelShape): number {
  const merged = vision.hidden * vision.merge ** 2;
  const linears = merged ** 2 + merged + merged * text.hidden + text.hidden;
  const norm = family === "qwen2_5_vl" ? vision.hidden : 2 * vision.hidden;
  return linears + norm + vision.deepMergers * (linears + 2 * merged);
}

/** Numbers in a patch: three channels, two frames. */
export function valuesOfPatch(patch: number): number {
  return 3 * 2 * patch ** 2;
}

/** Linear layers of one kind that adapters may be put on. */
interface LinearLayers {
  readonly part: ModelPart;
  readonly layers: "attention" | "feedForward";
  readonly modules: number;
  readonly inputs: number;
  readonly outputs: number;
}

/** Every linear layer but the head. */
export function linearLayers(shape: ModelShape): readonly LinearLayers[] {
  const { text, vision } = shape;
  const { query, key } = attentionWidths(shape);
  const language = { part: "language", modules: text.layers } as const;
  const tower = { part: "vision", modules: vision.layers } as const;
  const mergers = { part: "merger", layers: "feedForward", modules: 1 + vision.deepMergers } as const;
  const merged = vision.hidden * vision.merge ** 2;
  const up = shape.family === "qwen2_5_vl" ? 2 : 1;
  return [
    { ...language, layers: "attention", inputs: text.hidden, outputs: query },
    { ...language, layers: "attention", modules: 2 * text.layers, inputs: text.hidden, outputs: key },
    { ...language, layers: "attention", inputs: query, outputs: text.hidden },
    { ...language, layers: "feedForward", modules: 2 * text.layers, inputs: text.hidden, outputs: text.intermediate },
    { ...language, layers: "feedForward", inputs: text.intermediate, outputs: text.hidden },
    { ...tower, layers: "attention", inputs: vision.hidden, outputs: 3 * vision.hidden },
    { ...tower, layers: "attention", inputs: vision.hidden, outputs: vision.hidden },
    {
      ...tower,
      layers: "feedForward",
      modules: up * vision.layers,
      inputs: vision.hidden,
      outputs: vision.intermediate,
    },
    { ...tower, layers: "feedForward", inputs: vision.intermediate, outputs: vision.hidden },
    { ...mergers, inputs: merged, outputs: merged },
    { ...mergers, inputs: merged, outputs: text.hidden },
  ];
}

/** Adapters on one target. */
export interface AdapterCount {
  readonly target: ModelPart;
  readonly modules: number;
  readonly parameters: number;
}

/** What moves and what stays. */
export interface TunedParameters {
  readonly model: ParameterCounts;
  /** Parts of the model that move; empty with adapters. */
  readonly trainedParts: readonly ModelPart[];
  /** Trained parameters: of the model, or of the adapters. */
  readonly trained: number;
  /** Parameters of the model that stay. */
  readonly frozen: number;
  /** By target; empty without adapters. */
  readonly adapters: readonly AdapterCount[];
}

/** Splits the parameters of a model into trained and frozen ones. */
export function tuneParameters(shape: ModelShape, tuning: Tuning): TunedParameters {
  const model = countParameters(shape);
  switch (tuning.kind) {
    case "full": {
      const trainedParts = (["vision", "merger", "language"] as const).filter(
        (part) => !tuning.frozenParts.includes(part),
      );
      const trained = trainedParts.reduce((sum, part) => sum + partParameters(model, part), 0);
      return { model, trainedParts, trained, frozen: model.total - trained, adapters: [] };
    }
    case "lora": {
      const hit = linearLayers(shape).filter(({ layers }) => tuning.layers === "all" || tuning.layers === layers);
      const adapters = tuning.targets.map((target) => {
        const own = hit.filter(({ part }) => part === target);
        return {
          target,
          modules: own.reduce((sum, { modules }) => sum + modules, 0),
          parameters: own.reduce(
            (sum, { modules, inputs, outputs }) => sum + modules * tuning.rank * (inputs + outputs),
            0,
          ),
        };
      });
      const trained = adapters.reduce((sum, { parameters }) => sum + parameters, 0);
      return { model, trainedParts: [], trained, frozen: model.total, adapters };
    }
  }
}

/** Parameters of a part as a spec names it: the language model has embeddings, blocks and head. */
export function partParameters(model: ParameterCounts, part: ModelPart): number {
  switch (part) {
    case "vision":
      return model.vision;
    case "merger":
      return model.merger;
    case "language":
      return model.embeddings + model.blocks + model.head;
  }
}
