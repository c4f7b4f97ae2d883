import { z } from "zod";
import { Precision } from "./model.js";

const TransformersEngine = z
  .strictObject({
    kind: z.literal("transformers").describe("Hugging Face transformers, in batches."),
    maxBatchSequences: z.number().int().min(1).max(4_096).default(16).describe("Sequences decoded together."),
    maxTokens: z
      .number()
      .int()
      .min(16)
      .max(10_000_000)
      .default(32_768)
      .describe("Longest prompt plus output, in tokens."),
    precision: Precision,
  })
  .readonly();

const ScriptedEngine = z
  .strictObject({
    kind: z.literal("scripted").describe("A program that writes given texts and makes given faults; for tests."),
    script: z.string().min(1).describe("JSON file of the script."),
    maxBatchSequences: z.number().int().min(1).max(4_096).default(16).describe("Sequences written together."),
    maxTokens: z
      .number()
      .int()
      .min(16)
      .max(10_000_000)
      .default(32_768)
      .describe("Longest prompt plus output, in tokens."),
  })
  .readonly();

/** Which software writes. */
export const Engine = z.discriminatedUnion("kind", [TransformersEngine, ScriptedEngine]);
export type Engine = z.output<typeof Engine>;
export type EngineInput = z.input<typeof Engine>;
