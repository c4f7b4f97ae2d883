import { z } from "zod";

/** How tokens are chosen. The defaults are those of the published evaluation, but for the recorded seed. */
export const Sampling = z
  .strictObject({
    temperature: z.number().min(0).max(10).default(0.6).describe("0 takes the most probable token."),
    topP: z
      .number()
      .gt(0)
      .max(1)
      .default(0.95)
      .describe("Smallest set of tokens with at least this probability mass; 1 keeps all."),
    topK: z.number().int().min(0).max(1_000_000).default(0).describe("Most probable tokens kept; 0 keeps all."),
    maxTokens: z.number().int().min(1).max(1_000_000).default(8_192).describe("Most tokens written."),
    minTokens: z
      .number()
      .int()
      .min(0)
      .max(1_000_000)
      .default(0)
      .describe("Fewest tokens written before the text may end."),
    seed: z
      .number()
      .int()
      .min(0)
      .max(2 ** 32 - 1)
      .default(42)
      .describe("Seed from which every item and sample gets its own."),
  })
  .refine((sampling) => sampling.minTokens <= sampling.maxTokens, { path: ["minTokens"], error: "at most maxTokens" })
  .readonly();
export type Sampling = z.output<typeof Sampling>;
export type SamplingInput = z.input<typeof Sampling>;
