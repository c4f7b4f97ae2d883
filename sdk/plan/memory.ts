import type { Precision } from "../spec/model.js";
import type { Zero } from "../spec/zero.js";
import type { ModelShape } from "./model-shape.js";
import { attentionWidths, countParameters, type TunedParameters, valuesOfPatch } from "./parameters.js";

/** Formulas against published peaks lie within this much of them. */
export const memoryUncertainty = 0.15;

/** What the memory of one rank follows from. */
export interface MemoryOrder {
  readonly shape: ModelShape;
  readonly tuned: TunedParameters;
  readonly zero: Zero;
  readonly precision: Precision;
  readonly gradientCheckpointing: boolean;
  readonly headChunkTokens: number;
  readonly ranks: number;
  /** Tokens of the largest pass of a rank. */
  readonly passTokens: number;
  /** Patches of all images of that pass. */
  readonly passPatches: number;
  /** What the driver and its kind hold. */
  readonly runtimeBytes: number;
}

/** Bytes on one rank's device, by cause. */
export interface MemoryByCause {
  readonly weights: number;
  readonly gradients: number;
  readonly optimizer: number;
  /** Weights of stage 3 put together for the moment they are used, and buckets of communication. */
  readonly gathered: number;
  /** What the forward pass keeps for the backward pass. */
  readonly activations: number;
  /** Working set of the block whose backward pass runs. */
  readonly block: number;
  /** Logits of one chunk of target positions. */
  readonly logits: number;
  /** Gradient of the head, summed in float32. */
  readonly headGradient: number;
  /** Pixels, and what the vision tower makes of them. */
  readonly images: number;
  readonly runtime: number;
  readonly fragmentation: number;
}

/** Weights, gradients and optimizer state. */
export type StateBytes = Pick<MemoryByCause, "weights" | "gradients" | "optimizer">;

export function totalBytes(causes: Readonly<Record<string, number>>): number {
  return Object.values(causes).reduce((sum, bytes) => sum + bytes, 0);
}

/** Bytes of a number in the format of weights and activations. */
function width(precision: Precision): number {
  return precision === "bfloat16" ? 2 : 4;
}

/**
 * Weights, gradients and AdamW's state on one rank.
 *
 * Stage 0 keeps weights in float32 (bfloat16 copies of the trained ones live as long as a pass). ZeRO keeps them in
 * the format of the training, and a float32 copy with the two moments: 16 bytes a trained weight in bfloat16.
 */
export function stateBytes({ tuned, zero, precision, ranks }: MemoryOrder): StateBytes {
  const { trained, frozen } = tuned;
  if (zero.stage === 0) {
    const copies = precision === "bfloat16" ? 2 * trained : 0;
    return { weights: 4 * (trained + frozen) + copies, gradients: 4 * trained, optimizer: 8 * trained };
  }
  const bytes = width(precision);
  const splitWeights = zero.stage === 3 ? (trained + frozen) / ranks : trained + frozen;
  const splitGradients = zero.stage === 1 ? trained : trained / ranks;
  return {
    weights: zero.offloadParameters ? 0 : bytes * splitWeights,
    gradients: zero.offloadOptimizer && zero.stage > 1 ? 0 : bytes * splitGradients,
    optimizer: zero.offloadOptimizer ? 0 : (12 * trained) / ranks,
  };
}

/** Numbers of the largest pieces that DeepSpeed puts together: its own defaults, which the worker leaves as they are. */
const liveParameters = 1e9;
const bucketParameters = 5e8;

function gatheredBytes({ shape, tuned, zero, precision }: MemoryOrder): number {
  if (zero.stage === 0) return 0;
  const bytes = width(precision);
  const bucket = bytes * Math.min(bucketParameters, tuned.trained);
  if (zero.stage < 3) return bucket;
  const { total, embeddings } = tuned.model;
  const blocks = Math.min(liveParameters, total - embeddings - tuned.model.head);
  // The head is whole through its own pass while the last blocks still are.
  return bucket + bytes * (blocks + shape.vocabulary * shape.text.hidden);
}

/** Numbers that a block keeps per token and byte of the format: projections, feed-forward part, residuals and norms. */
function blockBytesPerToken(shape: ModelShape, precision: Precision): number {
  const { query, key } = attentionWidths(shape);
  const { hidden, intermediate } = shape.text;
  return (width(precision) / 2) * (8 * intermediate + 2 * query + 4 * key + 8 * hidden);
}

/**
 * Norms in float32, heads repeated for grouped queries and rotated queries stay too when nothing is recomputed:
 * measured on processors, 1.42 times the numbers above.
 */
const keptOfBlock = 1.4;

/** Block inputs with checkpointing, everything of every block without it. */
export function activationBytes({ shape, precision, gradientCheckpointing, passTokens }: MemoryOrder): number {
  const { layers, hidden } = shape.text;
  return gradientCheckpointing
    ? layers * passTokens * hidden * width(precision)
    : keptOfBlock * layers * passTokens * blockBytesPerToken(shape, precision);
}

/** The block in the backward pass: recomputed and differentiated with checkpointing, differentiated without. */
export function blockBytes({ shape, precision, gradientCheckpointing, passTokens }: MemoryOrder): number {
  return (gradientCheckpointing ? 1.5 : 0.5) * passTokens * blockBytesPerToken(shape, precision);
}

/** Logits, their float32 form and the gradients of both. */
export function logitsBytes(positions: number, vocabulary: number): number {
  return 12 * positions * vocabulary;
}

/** Float32 rows of pixels as the processor makes them. */
export function pixelBytes(patches: number, patch: number): number {
  return 4 * patches * valuesOfPatch(patch);
}

function imageBytes({ shape, tuned, precision, gradientCheckpointing, passPatches }: MemoryOrder): number {
  const { layers, hidden, intermediate, patch, merge } = shape.vision;
  const bytes = width(precision);
  const block = (bytes / 2) * passPatches * (8 * intermediate + 14 * hidden);
  const trained = tuned.trainedParts.includes("vision") || tuned.adapters.some(({ target }) => target === "vision");
  const kept = gradientCheckpointing ? layers * passPatches * hidden * bytes : layers * block;
  const tower = trained ? kept + 1.5 * block : block;
  const features = (passPatches / merge ** 2) * shape.text.hidden * bytes * (1 + shape.vision.deepMergers);
  return pixelBytes(passPatches, patch) * (1 + bytes / 4) + tower + features;
}

/** Bytes on the device of one rank, by cause. */
export function memoryByCause(order: MemoryOrder): MemoryByCause {
  const { shape, tuned, headChunkTokens, passTokens } = order;
  const causes = {
    ...stateBytes(order),
    gathered: gatheredBytes(order),
    activations: activationBytes(order),
    block: blockBytes(order),
    logits: logitsBytes(Math.min(headChunkTokens, passTokens), shape.vocabulary),
    headGradient: tuned.trainedParts.includes("language") ? 4 * shape.vocabulary * shape.text.hidden : 0,
    images: imageBytes(order),
  };
  return { ...causes, runtime: order.runtimeBytes, fragmentation: 0.1 * totalBytes(causes) };
}

/** What a training takes beside the memory of its steps. */
export interface HostMemory {
  /** In each host's memory while the training runs: what is offloaded by all ranks of a node. */
  readonly offloadedBytes: number;
  /** In each host's memory while it starts. */
  readonly loadingBytes: number;
  /** On each device while it starts. */
  readonly deviceLoadingBytes: number;
}

/**
 * Below stage 3 every rank opens the whole model in float32; at stage 3 the first one reads it weight by weight, and
 * each keeps its part.
 */
export function hostMemory({ shape, tuned, zero, precision, ranks }: MemoryOrder, ranksPerNode: number): HostMemory {
  // Gradients are added up in float32 where the optimizer is.
  const optimizer = zero.offloadOptimizer ? 16 * tuned.trained : 0;
  const weights = zero.offloadParameters ? width(precision) * (tuned.trained + tuned.frozen) : 0;
  const whole = 4 * tuned.model.total;
  const largestWeight = width(precision) * shape.vocabulary * shape.text.hidden;
  const part = (width(precision) * tuned.model.total) / ranks;
  return {
    offloadedBytes: ((optimizer + weights) / ranks) * ranksPerNode,
    loadingBytes: zero.stage === 3 ? largestWeight : whole * ranksPerNode,
    deviceLoadingBytes: zero.stage === 3 ? part + largestWeight : whole,
  };
}

/** Disk that a training takes. */
export interface DiskSpace {
  /** One checkpoint: weight and two moments in float32 for every trained parameter. */
  readonly checkpointBytes: number;
  /** Checkpoints that may stand at one time: two kept and one being written. */
  readonly checkpointsBytes: number;
  /** The finished model. */
  readonly modelBytes: number;
}

export function diskSpace(shape: ModelShape, tuned: TunedParameters, precision: Precision, saves: boolean): DiskSpace {
  const checkpointBytes = 12 * tuned.trained;
  return {
    checkpointBytes,
    checkpointsBytes: saves ? 3 * checkpointBytes : 0,
    modelBytes: width(precision) * countParameters(shape).total,
  };
}
