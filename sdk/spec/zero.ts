import { z } from "zod";

/** How the state of a training is split over its ranks (DeepSpeed ZeRO). It changes no result by more than rounding. */
export const Zero = z
  .strictObject({
    stage: z
      .literal([0, 1, 2, 3])
      .default(0)
      .describe("0 splits nothing, 1 optimizer state, 2 gradients as well, 3 weights as well."),
    offloadOptimizer: z.boolean().default(false).describe("Keep the optimizer state in the host's memory."),
    offloadParameters: z.boolean().default(false).describe("Keep the weights in the host's memory; stage 3 alone."),
  })
  .refine((zero) => zero.stage > 0 || !zero.offloadOptimizer, {
    path: ["offloadOptimizer"],
    error: "false at stage 0: offloading needs stage 1, 2 or 3",
  })
  .refine((zero) => zero.stage === 3 || !zero.offloadParameters, {
    path: ["offloadParameters"],
    error: "false below stage 3, which alone splits weights",
  })
  .readonly();
export type Zero = z.output<typeof Zero>;
export type ZeroInput = z.input<typeof Zero>;
