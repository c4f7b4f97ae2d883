import { join } from "node:path";
import { canonicalJson, type JsonValue, toJson } from "../../sdk/experiment/canonical-json.js";
import { RunError } from "../../sdk/failure/failure.js";
import type { SftNode } from "../../sdk/plan/stages.js";
import { jobEnvelope, recordJob, type StageContext } from "./context.js";
import type { Inputs } from "./inputs.js";
import type { ModelResult } from "./results.js";

export const version = 1;

/** Everything that moves the weights; the places of things, and how often they are saved, do not. */
export async function parts(node: SftNode, inputs: Inputs): Promise<JsonValue> {
  const { kind: _kind, name: _name, model: _model, dataset: _dataset, gate, resources: _resources, checkpointEverySteps: _saved, ...settings } = node.spec;
  return {
    weights: await inputs.weightsKey(node.weights),
    rows: inputs.rows(node.rows).file.sha256,
    settings: toJson(settings),
    gate: gate === undefined || node.gateRows === null ? null : { ...jsonGate(gate), rows: inputs.rows(node.gateRows).file.sha256 },
  };
}

/** Fine-tunes the model; a checkpoint of an interrupted attempt is taken up by the worker. */
export async function run(node: SftNode, context: StageContext): Promise<ModelResult> {
  const { blobs } = context.store;
  const { spec, weights } = node;
  if (weights.kind === "none") throw new RunError({ code: "internal", detail: "a training without weights to start from" });
  const rows = context.inputs.rows(node.rows);
  const outputPath = join(context.folder, "work", "model");
  const worker = await context.worker();
  const done = await worker.runJob(
    {
      ...jobEnvelope(node.id, spec.resources, context),
      job: {
        kind: "training",
        modelPath: context.inputs.weightsPath(weights, blobs),
        rowsPath: blobs.path(rows.file),
        blobRoot: blobs.root,
        outputPath,
        checkpointPath: join(context.folder, "checkpoints"),
        visionPolicy: spec.visionPolicy,
        promptLayout: spec.promptLayout,
        maxTokens: spec.maxTokens,
        steps: spec.steps ?? Math.ceil((rows.rows * spec.epochs) / spec.examplesPerStep),
        examplesPerStep: spec.examplesPerStep,
        examplesPerPass: spec.examplesPerPass,
        lossNormalisation: spec.lossNormalisation,
        optimizer: spec.optimizer,
        schedule: spec.schedule,
        precision: spec.precision,
        gradientCheckpointing: spec.gradientCheckpointing,
        headChunkTokens: spec.headChunkTokens,
        frozenParts: spec.frozenParts,
        seed: spec.seed,
        checkpointEverySteps: spec.checkpointEverySteps,
        ...(spec.gate === undefined || node.gateRows === null ? {} : { gate: { ...jsonGate(spec.gate), rowsPath: blobs.path(context.inputs.rows(node.gateRows).file) } }),
      },
    },
    recordJob(node.id, context),
    context.signal,
  );
  if (done.kind !== "trained") throw new RunError({ code: "internal", detail: `a training ended with the result of ${done.kind}` });
  const { kind: _, weightsSha256, ...training } = done;
  return { kind: "model", folder: await blobs.putTree(outputPath), weightsSha256, training: { ...training, log: await blobs.putText(trainingLog(node, context)) } };
}

/** Steps and gates of the newest attempt at each step, so that a curve outlives the run that drew it. */
function trainingLog(node: SftNode, context: StageContext): string {
  const lines = new Map<string, string>();
  for (const { event } of context.store.stored())
    if ((event.type === "step" || event.type === "gate") && event.stage === node.id) lines.set(`${event.type}/${event.step}`, canonicalJson(toJson(event)));
  return [...lines.values()].map((line) => `${line}\n`).join("");
}

function jsonGate(gate: NonNullable<SftNode["spec"]["gate"]>) {
  const { metric, atLeast, everySteps, extraRounds } = gate;
  return { metric, atLeast, everySteps, extraRounds };
}
