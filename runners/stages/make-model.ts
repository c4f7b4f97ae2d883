import { join } from "node:path";
import { type JsonValue, toJson } from "../../sdk/experiment/canonical-json.js";
import { RunError } from "../../sdk/failure/failure.js";
import type { MakeModelNode } from "../../sdk/plan/stages.js";
import { jobEnvelope, recordJob, type StageContext } from "./context.js";
import { resources } from "./import-rows.js";
import type { Inputs } from "./inputs.js";
import type { ModelResult } from "./results.js";

export const version = 1;

export function parts(node: MakeModelNode, inputs: Inputs): JsonValue {
  const { corpus: _, ...model } = node.model;
  return {
    corpus: inputs.rows(node.corpus).file.sha256,
    model: toJson(model),
    visionPolicy: toJson(node.visionPolicy),
  };
}

/** A model folder with random weights and a tokenizer trained on the corpus. */
export async function run(node: MakeModelNode, context: StageContext): Promise<ModelResult> {
  const { blobs } = context.store;
  const { architecture, vocabularySize, text, vision, initializerRange, seed } = node.model;
  const outputPath = join(context.folder, "model");
  const worker = await context.worker();
  const done = await worker.runJob(
    {
      ...jobEnvelope(node.id, resources, context),
      job: {
        kind: "model",
        architecture,
        outputPath,
        corpusRowsPath: blobs.path(context.inputs.rows(node.corpus).file),
        vocabularySize,
        text,
        vision,
        initializerRange,
        seed,
        visionPolicy: node.visionPolicy,
      },
    },
    recordJob(node.id, context),
    context.signal,
  );
  if (done.kind !== "made")
    throw new RunError({ code: "internal", detail: `making a model ended with the result of ${done.kind}` });
  return { kind: "model", folder: await blobs.putTree(outputPath), weightsSha256: done.weightsSha256 };
}
