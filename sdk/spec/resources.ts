import { z } from "zod";

/** Where and with what an engine runs. */
export const Resources = z
  .strictObject({
    launcher: z.literal("local").default("local").describe("Who starts the worker agent."),
    environment: z
      .string()
      .regex(/^[a-z][a-z0-9-]*$/, "the name of an environment, such as train")
      .default("train")
      .describe("Python environment of the engine, by name."),
    nodes: z.number().int().min(1).max(4_096).default(1).describe("Worker agents that share a training, one a node."),
    ranksPerNode: z
      .number()
      .int()
      .min(1)
      .max(64)
      .default(1)
      .describe("Training processes on each node: one for each accelerator."),
    threads: z
      .number()
      .int()
      .min(1)
      .max(1_024)
      .default(1)
      .describe("Threads for arithmetic on processors; accelerators do not need them."),
    preemptionGraceSeconds: z
      .number()
      .int()
      .min(1)
      .max(86_400)
      .default(120)
      .describe("Time for a preempted training to end its step and write a checkpoint before it is killed."),
  })
  .readonly();
export type Resources = z.output<typeof Resources>;
export type ResourcesInput = z.input<typeof Resources>;
