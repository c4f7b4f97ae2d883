import { z } from "zod";

/** A part of a vision-language model. */
export const ModelPart = z.enum(["vision", "merger", "language"]);
export type ModelPart = z.output<typeof ModelPart>;

const FullTuning = z
  .strictObject({
    kind: z.literal("full").describe("The model's own weights move."),
    frozenParts: z.array(ModelPart).readonly().default(["vision", "merger"]).describe("Parts that stay as they are."),
  })
  .readonly();

const LoraTuning = z
  .strictObject({
    kind: z.literal("lora").describe("Low-rank adapters move; they are merged into the weights at the end."),
    rank: z.number().int().min(1).max(4_096).default(16).describe("Rank of the adapters."),
    alpha: z.number().positive().default(32).describe("Scale: adapters count alpha / rank."),
    dropout: z.number().min(0).lt(1).default(0).describe("Share of adapter inputs dropped in training."),
    targets: z
      .array(ModelPart)
      .min(1)
      .readonly()
      .default(["language"])
      .describe("Parts whose linear layers get adapters; the head never gets one."),
    layers: z.enum(["all", "attention", "feedForward"]).default("all").describe("Which linear layers of these parts."),
  })
  .readonly();

/** Which weights a training moves. */
export const Tuning = z.discriminatedUnion("kind", [FullTuning, LoraTuning]);
export type Tuning = z.output<typeof Tuning>;
export type TuningInput = z.input<typeof Tuning>;

/** Training of the model's own weights: `full({ frozenParts: [] })` moves all of them. */
export function full(settings: Omit<z.input<typeof FullTuning>, "kind"> = {}): TuningInput {
  return { kind: "full", ...settings };
}

/** Training of low-rank adapters: `lora({ rank: 8, targets: ["language", "merger"] })`. */
export function lora(settings: Omit<z.input<typeof LoraTuning>, "kind"> = {}): TuningInput {
  return { kind: "lora", ...settings };
}
