import { z } from "zod";
import { Dataset, type DatasetInput } from "./dataset.js";
import { Model, type ModelInput } from "./model.js";
import { Name } from "./name.js";
import { MaxTokens, TooLong } from "./row-limits.js";
import type { SameFields } from "./same-fields.js";
import { PromptLayout, VisionPolicy, type VisionPolicyInput } from "./vision-policy.js";

/** Counts the rows of a dataset as a training would see them, and trains nothing. */
export const Audit = z
  .strictObject({
    kind: z.literal("audit").describe("An audit of training rows."),
    name: Name.describe("Name of the stage."),
    model: Model.describe("Model whose tokenizer, template and processor count; its weights are not read."),
    dataset: Dataset.describe("Rows to count."),
    visionPolicy: VisionPolicy.prefault({}).describe("What happens to every image; equal wherever the model is used."),
    promptLayout: PromptLayout,
    maxTokens: MaxTokens,
    tooLong: TooLong,
  })
  .readonly();
export type Audit = z.output<typeof Audit>;

/** What {@link Audit} takes. Each field is explained, bounded and defaulted in the schema. */
export interface AuditInput {
  readonly model: ModelInput;
  readonly dataset: DatasetInput;
  readonly visionPolicy?: VisionPolicyInput | undefined;
  readonly promptLayout?: "imagesFirst" | "textFirst" | "inline" | undefined;
  readonly maxTokens?: number | undefined;
  readonly tooLong?: "refuse" | "drop" | "cap" | undefined;
}

type WholeInput = AuditInput & { readonly kind: "audit"; readonly name: string };

/** Fails to compile when a field of the interface differs from the schema's. */
export const auditInputCheck: z.ZodType<Audit, WholeInput> = Audit;

/** Fails to compile when a field is in the interface alone or in the schema alone. */
export const auditFieldCheck: SameFields<WholeInput, z.input<typeof Audit>> = true;
