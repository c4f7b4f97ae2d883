import { z } from "zod";
import { Dataset } from "./dataset.js";

/** A quality that held-out rows must show before the stage may end. */
export const Gate = z
  .strictObject({
    dataset: Dataset.describe("Held-out rows."),
    metric: z
      .literal("exactMatch")
      .default("exactMatch")
      .describe("Share of rows whose whole target is the greedy choice at every position."),
    atLeast: z.number().min(0).max(1).describe("The value that passes."),
    everySteps: z
      .number()
      .int()
      .min(1)
      .default(50)
      .describe("Steps between two measurements; the last step is always measured."),
    extraRounds: z
      .number()
      .int()
      .min(0)
      .max(100)
      .default(0)
      .describe("Whole schedules that may be added when the last step misses the gate."),
  })
  .readonly();
export type Gate = z.output<typeof Gate>;
export type GateInput = z.input<typeof Gate>;
