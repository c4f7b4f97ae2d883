import { z } from "zod";

/** Longest row of a training, in tokens. */
export const MaxTokens = z
  .number()
  .int()
  .min(16)
  .max(10_000_000)
  .default(32_768)
  .describe("Longest row in tokens, images included.");

/** What happens to a row that is longer. Nothing is ever cut inside an image or from a target. */
export const TooLong = z
  .enum(["refuse", "drop", "cap"])
  .default("refuse")
  .describe("A longer row is refused, left out, or loses words at the end of its prompt until it fits.");
