import { z } from "zod";

/** AdamW. */
export const Optimizer = z
  .strictObject({
    peakLearningRate: z.number().positive().max(1).default(1e-5).describe("Learning rate after warm-up."),
    beta1: z.number().min(0).lt(1).default(0.9).describe("Decay of the first moment."),
    beta2: z.number().min(0).lt(1).default(0.999).describe("Decay of the second moment."),
    epsilon: z.number().positive().default(1e-8).describe("Term that keeps the division finite."),
    weightDecay: z
      .number()
      .min(0)
      .max(1)
      .default(0)
      .describe("Decoupled decay of matrices; norms and biases never decay."),
    partLearningRates: z
      .strictObject({
        vision: z.number().positive().max(1).optional().describe("Learning rate of the vision tower."),
        merger: z.number().positive().max(1).optional().describe("Learning rate of the merger."),
        language: z.number().positive().max(1).optional().describe("Learning rate of the language model."),
      })
      .default({})
      .describe("Learning rates after warm-up of parts that differ from the peak."),
    maxGradientNorm: z.number().min(0).default(1).describe("Largest norm of the gradient; 0 leaves it as it is."),
  })
  .readonly();
export type Optimizer = z.output<typeof Optimizer>;
export type OptimizerInput = z.input<typeof Optimizer>;

/** How the learning rate moves over the steps. */
export const Schedule = z
  .strictObject({
    kind: z.enum(["cosine", "linear", "constant"]).default("cosine").describe("Shape after warm-up."),
    warmupFraction: z.number().min(0).max(1).default(0.1).describe("Share of all steps spent warming up from zero."),
    finalFraction: z.number().min(0).max(1).default(0).describe("Learning rate at the end, as a share of the peak."),
  })
  .readonly();
export type Schedule = z.output<typeof Schedule>;
export type ScheduleInput = z.input<typeof Schedule>;
