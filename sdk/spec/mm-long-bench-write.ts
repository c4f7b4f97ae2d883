import { z } from "zod";
import { Dataset, type DatasetInput } from "./dataset.js";
import { Engine, type EngineInput } from "./engine.js";
import { Judge, type JudgeInput } from "./judge.js";
import { Model, type ModelInput } from "./model.js";
import { Name } from "./name.js";
import { Resources, type ResourcesInput } from "./resources.js";
import type { SameFields } from "./same-fields.js";
import { Sampling, type SamplingInput } from "./sampling.js";
import { UserFunction } from "./user-function.js";
import { PromptLayout, VisionPolicy, type VisionPolicyInput } from "./vision-policy.js";

/** Names of the scoring profiles; `longform/method` holds their formulas. */
export const ScoringProfile = z
  .enum(["strict", "paper-eq6", "paper-code"])
  .default("strict")
  .describe("Word counter and length formula of the headline; every profile is reported.");

/** MMLongBench-Write: a model writes, its lengths are scored, a judge scores the quality. */
export const MmLongBenchWrite = z
  .strictObject({
    kind: z.literal("mmLongBenchWrite").describe("The MMLongBench-Write benchmark."),
    name: Name.describe("Name of the stage."),
    model: Model.describe("Weights that write."),
    items: Dataset.describe("Items: prompt, required length, images."),
    visionPolicy: VisionPolicy.prefault({}).describe("What happens to every image; equal to that of the training."),
    promptLayout: PromptLayout,
    engine: Engine.prefault({ kind: "transformers" }).describe("Which software writes."),
    sampling: Sampling.prefault({}).describe("How tokens are chosen."),
    samplesPerItem: z.number().int().min(1).max(1_000).default(1).describe("Texts written for each item."),
    judge: Judge.describe("Who gives the quality scores."),
    profile: ScoringProfile,
    measures: z
      .record(z.string().regex(/^[a-z][A-Za-z0-9]*$/, "a camelCase name"), UserFunction)
      .default({})
      .describe("Further measures from 0 to 1, by name."),
    resources: Resources.prefault({}).describe("Where and with what it runs."),
  })
  .readonly();
export type MmLongBenchWrite = z.output<typeof MmLongBenchWrite>;

/** What {@link MmLongBenchWrite} takes. Each field is explained, bounded and defaulted in the schema. */
export interface MmLongBenchWriteInput {
  readonly model: ModelInput;
  readonly items: DatasetInput;
  readonly visionPolicy?: VisionPolicyInput | undefined;
  readonly promptLayout?: "imagesFirst" | "textFirst" | "inline" | undefined;
  readonly engine?: EngineInput | undefined;
  readonly sampling?: SamplingInput | undefined;
  readonly samplesPerItem?: number | undefined;
  readonly judge: JudgeInput;
  readonly profile?: "strict" | "paper-eq6" | "paper-code" | undefined;
  readonly measures?: Record<string, UserFunction> | undefined;
  readonly resources?: ResourcesInput | undefined;
}

type WholeInput = MmLongBenchWriteInput & { readonly kind: "mmLongBenchWrite"; readonly name: string };

/** Fails to compile when a field of the interface differs from the schema's. */
export const mmLongBenchWriteInputCheck: z.ZodType<MmLongBenchWrite, WholeInput> = MmLongBenchWrite;

/** Fails to compile when a field is in the interface alone or in the schema alone. */
export const mmLongBenchWriteFieldCheck: SameFields<WholeInput, z.input<typeof MmLongBenchWrite>> = true;
