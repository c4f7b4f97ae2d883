import { z } from "zod";
import { Audit } from "./audit.js";
import { MmLongBenchWrite } from "./mm-long-bench-write.js";
import { Name } from "./name.js";
import { Sft } from "./sft.js";

/** One stage of an experiment. */
export const Stage = z.discriminatedUnion("kind", [Sft, Audit, MmLongBenchWrite]);
export type Stage = z.output<typeof Stage>;

/** A whole experiment as data: what `longform run` takes and what a run freezes. */
export const Experiment = z
  .strictObject({
    format: z.literal(1).describe("Version of this form."),
    name: Name.describe("Name of the experiment."),
    description: z
      .string()
      .max(10_000)
      .default("")
      .describe("What it is about, for its report; not part of any stage's identity."),
    stages: z.array(Stage).min(1).max(1_000).readonly().describe("Stages; a stage may use the models of earlier ones."),
  })
  .superRefine((experiment, context) => {
    const models = new Set<string>();
    const names = new Set<string>();
    for (const [index, stage] of experiment.stages.entries()) {
      const model = stage.model;
      if (model.kind === "stage" && !models.has(model.stage))
        context.addIssue({
          code: "custom",
          path: ["stages", index, "model", "stage"],
          message: `the name of an earlier stage that trains a model (${[...models].join(", ") || "there is none"})`,
        });
      if (names.has(stage.name))
        context.addIssue({
          code: "custom",
          path: ["stages", index, "name"],
          message: "a name that no earlier stage has",
        });
      names.add(stage.name);
      if (stage.kind === "sft") models.add(stage.name);
    }
  })
  .readonly();
export type Experiment = z.output<typeof Experiment>;
