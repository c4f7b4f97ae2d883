import type { Tuning } from "../spec/tuning.js";
import type { ModelShape } from "./model-shape.js";
import { attentionWidths, countParameters, type TunedParameters } from "./parameters.js";

/** Share of a device's peak that a training of long rows with images reaches, until it has been measured. */
export const assumedUtilisation = 0.35;

/** What the arithmetic of rows follows from. */
export interface RowWork {
  readonly tokens: number;
  /** Positions that have logits. */
  readonly targetTokens: number;
  /** Sum over rows of the square of their tokens: a row attends to itself alone. */
  readonly squaredTokens: number;
}

/** Operations of the language model's forward pass: blocks, head at target positions, causal attention. */
export function languageForwardFlops(shape: ModelShape, work: RowWork): number {
  const { blocks } = countParameters(shape);
  const head = shape.vocabulary * shape.text.hidden;
  const attention = 2 * work.squaredTokens * attentionWidths(shape).query * shape.text.layers;
  return 2 * blocks * work.tokens + 2 * head * work.targetTokens + attention;
}

/** Operations of the vision tower on images of so many patches each. */
export function visionForwardFlops(shape: ModelShape, patchesPerImage: number, images: number): number {
  const { layers, hidden, fullAttentionLayers, windowPatches } = shape.vision;
  const attention =
    4 *
    patchesPerImage *
    hidden *
    (patchesPerImage * fullAttentionLayers + windowPatches * (layers - fullAttentionLayers));
  return images * (2 * countParameters(shape).vision * patchesPerImage + attention);
}

/** Operations of the mergers on so many patches. */
export function mergerForwardFlops(shape: ModelShape, patches: number): number {
  return (2 * countParameters(shape).merger * patches) / shape.vision.merge ** 2;
}

/** Images of a training. */
export interface ImageWork {
  readonly images: number;
  readonly patchesPerImage: number;
}

/**
 * Operations that a training is made of, without those that gradient checkpointing repeats: three forward passes
 * where weights move, two where gradients only pass through, one where nothing before them learns.
 */
export function trainingFlops(
  shape: ModelShape,
  tuned: TunedParameters,
  tuning: Tuning,
  work: RowWork,
  { images, patchesPerImage }: ImageWork,
): number {
  const learns = (part: "vision" | "merger" | "language") => passesOf(tuned, tuning, part);
  const vision = learns("vision");
  const merger = Math.max(learns("merger"), vision > 1 ? 2 : 1);
  const language = Math.max(learns("language"), 2);
  return (
    vision * visionForwardFlops(shape, patchesPerImage, images) +
    merger * mergerForwardFlops(shape, images * patchesPerImage) +
    language * languageForwardFlops(shape, work)
  );
}

/** Forward passes that the training of a part is worth, as far as the part itself says. */
function passesOf(tuned: TunedParameters, tuning: Tuning, part: "vision" | "merger" | "language"): 1 | 2 | 3 {
  switch (tuning.kind) {
    case "full":
      return tuned.trainedParts.includes(part) ? 3 : 1;
    case "lora":
      return tuning.targets.includes(part) ? 2 : 1;
  }
}
