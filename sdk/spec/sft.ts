import { z } from "zod";
import { Dataset, type DatasetInput } from "./dataset.js";
import { Gate, type GateInput } from "./gate.js";
import { Model, type ModelInput, Precision } from "./model.js";
import { Name } from "./name.js";
import { Optimizer, type OptimizerInput, Schedule, type ScheduleInput } from "./optimizer.js";
import { Resources, type ResourcesInput } from "./resources.js";
import { MaxTokens, TooLong } from "./row-limits.js";
import type { SameFields } from "./same-fields.js";
import { Tuning, type TuningInput } from "./tuning.js";
import { PromptLayout, VisionPolicy, type VisionPolicyInput } from "./vision-policy.js";
import { Zero, type ZeroInput } from "./zero.js";

/** Supervised fine-tuning of a vision-language model on long targets. */
export const Sft = z
  .strictObject({
    kind: z.literal("sft").describe("Supervised fine-tuning."),
    name: Name.describe("Name of the stage."),
    model: Model.describe("Weights to start from."),
    dataset: Dataset.describe("Rows to learn."),
    visionPolicy: VisionPolicy.prefault({}).describe("What happens to every image; equal wherever the model is used."),
    promptLayout: PromptLayout,
    maxTokens: MaxTokens,
    tooLong: TooLong,
    epochs: z.number().positive().max(1_000).default(3).describe("Passes over the rows."),
    steps: z.number().int().min(1).max(10_000_000).optional().describe("Optimizer steps; replaces epochs when given."),
    examplesPerStep: z
      .number()
      .int()
      .min(1)
      .max(65_536)
      .default(16)
      .describe("Examples in one optimizer step, over all ranks."),
    tokensPerPass: z
      .number()
      .int()
      .min(16)
      .max(10_000_000)
      .default(8_192)
      .describe("Tokens in one forward pass of a rank: rows are packed up to it, a longer row is a pass of its own."),
    lossNormalisation: z
      .enum(["token", "example"])
      .default("token")
      .describe("Every token of a step weighs the same, or every example does."),
    optimizer: Optimizer.prefault({}).describe("AdamW's settings."),
    schedule: Schedule.prefault({}).describe("How the learning rate moves over the steps."),
    precision: Precision,
    gradientCheckpointing: z
      .boolean()
      .default(true)
      .describe("Recompute activations in the backward pass: less memory, a third more time."),
    headChunkTokens: z
      .number()
      .int()
      .min(1)
      .max(1_048_576)
      .default(256)
      .describe("Target positions whose logits exist at one time."),
    tuning: Tuning.prefault({ kind: "full" }).describe("Which weights move: the model's own, or adapters beside them."),
    zero: Zero.prefault({}).describe("How the state of the training is split over ranks."),
    tensorboard: z
      .boolean()
      .default(false)
      .describe("Write every step for TensorBoard as well, below the run's stages/<stage>/tensorboard."),
    seed: z
      .number()
      .int()
      .min(0)
      .max(2 ** 32 - 1)
      .default(42)
      .describe("Seed of data order and dropout."),
    checkpointEverySteps: z
      .number()
      .int()
      .min(0)
      .default(0)
      .describe("Steps between two checkpoints; 0 keeps only the final model."),
    gate: Gate.optional().describe("A quality that held-out rows must show before the stage may end."),
    resources: Resources.prefault({}).describe("Where and with what it runs."),
  })
  .readonly();
export type Sft = z.output<typeof Sft>;

/** What {@link Sft} takes. Each field is explained, bounded and defaulted in the schema. */
export interface SftInput {
  readonly model: ModelInput;
  readonly dataset: DatasetInput;
  readonly visionPolicy?: VisionPolicyInput | undefined;
  readonly promptLayout?: "imagesFirst" | "textFirst" | "inline" | undefined;
  readonly maxTokens?: number | undefined;
  readonly tooLong?: "refuse" | "drop" | "cap" | undefined;
  readonly epochs?: number | undefined;
  readonly steps?: number | undefined;
  readonly examplesPerStep?: number | undefined;
  readonly tokensPerPass?: number | undefined;
  readonly lossNormalisation?: "token" | "example" | undefined;
  readonly optimizer?: OptimizerInput | undefined;
  readonly schedule?: ScheduleInput | undefined;
  readonly precision?: "float32" | "bfloat16" | undefined;
  readonly gradientCheckpointing?: boolean | undefined;
  readonly headChunkTokens?: number | undefined;
  readonly tuning?: TuningInput | undefined;
  readonly zero?: ZeroInput | undefined;
  readonly tensorboard?: boolean | undefined;
  readonly seed?: number | undefined;
  readonly checkpointEverySteps?: number | undefined;
  readonly gate?: GateInput | undefined;
  readonly resources?: ResourcesInput | undefined;
}

type WholeInput = SftInput & { readonly kind: "sft"; readonly name: string };

/** Fails to compile when a field of the interface differs from the schema's. */
export const sftInputCheck: z.ZodType<Sft, WholeInput> = Sft;

/** Fails to compile when a field is in the interface alone or in the schema alone. */
export const sftFieldCheck: SameFields<WholeInput, z.input<typeof Sft>> = true;
