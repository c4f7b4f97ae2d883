import { hub, records } from "longform";
import { expect, test } from "vitest";
import { trainingText } from "../../runners/cli/plan-text.js";
import { assumedDevice } from "../../sdk/plan/devices.js";
import { auditedRows } from "../../sdk/plan/tokens.js";
import { planTraining } from "../../sdk/plan/training-plan.js";
import { Sft } from "../../sdk/spec/sft.js";
import { shapeOf } from "../plan/shapes.js";

/** What a plan says of a training on audited rows, on one line. */
function planned(rows: Parameters<typeof auditedRows>[0], refused: number): string {
  const model = hub("Qwen/Qwen2.5-VL-3B-Instruct");
  const spec = Sft.parse({ kind: "sft", name: "sft", model, dataset: records("rows.jsonl") });
  const plan = planTraining({
    spec,
    model: { name: "3B", shape: shapeOf("Qwen2.5-VL-3B"), from: "the catalogue" },
    rows: auditedRows(rows, refused),
    device: assumedDevice,
    utilisation: 0.35,
    assumed: [],
  });
  return trainingText("sft", spec, plan, 100).join(" ").replaceAll(/\s+/g, " ");
}

test("one row with one image is called so", () => {
  const text = planned([{ tokens: 100, imageTokens: 40, targetTokens: 30, images: 1 }], 0);
  expect(text).toContain("rows 1 row, 1 image: counted by the model's own processor");
});

test("a plan whose rows are all refused says that there will be no training, and is for rows of maxTokens", () => {
  const text = planned([], 2);
  expect(text).toContain("dataset: the audit refuses 2 rows: the run will end before training");
  expect(text).toContain("for a pass of 32,768 tokens");
});
