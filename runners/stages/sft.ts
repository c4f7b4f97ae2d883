import { dirname, join } from "node:path";
import { type JsonValue, toJson } from "../../sdk/experiment/canonical-json.js";
import { RunError } from "../../sdk/failure/failure.js";
import type { SftNode } from "../../sdk/plan/stages.js";
import { samplerSteps } from "../../sdk/plan/steps.js";
import { runPaths } from "../../sdk/run-folder/run-paths.js";
import type { Optimizer } from "../../sdk/spec/optimizer.js";
import { ModelPart, type Tuning } from "../../sdk/spec/tuning.js";
import { runGang } from "../workers/gang.js";
import type { Job } from "../workers/jobs.js";
import { jobEnvelope, recordJob, type StageContext } from "./context.js";
import type { Inputs } from "./inputs.js";
import type { ModelResult } from "./results.js";

export const version = 3;

type TrainingOrder = Extract<Job, { kind: "training" }>;

/** Everything that decides the weights. How the work is split, and how often it is saved, changes no more than rounding. */
export async function parts(node: SftNode, inputs: Inputs): Promise<JsonValue> {
  const {
    kind: _kind,
    name: _name,
    model: _model,
    dataset: _dataset,
    gate,
    tooLong: _tooLong,
    resources,
    zero: _zero,
    tokensPerPass,
    headChunkTokens: _headChunkTokens,
    gradientCheckpointing: _gradientCheckpointing,
    checkpointEverySteps: _saved,
    tensorboard: _tensorboard,
    ...settings
  } = node.spec;
  return {
    weights: await inputs.weightsKey(node.weights),
    rows: inputs.rows(node.rows).file.sha256,
    settings: toJson(settings),
    ...(drops(settings.tuning) ? { tokensPerPass, ranks: resources.nodes * resources.ranksPerNode } : {}),
    gate:
      gate === undefined || node.gateRows === null
        ? null
        : { ...gateSettings(gate), rows: inputs.rows(node.gateRows).file.sha256 },
  };
}

/** Whether passes draw numbers: then it matters which rows share a pass, and on which rank. */
function drops(tuning: Tuning): boolean {
  return tuning.kind === "lora" && tuning.dropout > 0;
}

/** Fine-tunes the model; a checkpoint of an interrupted attempt is taken up by the worker. */
export async function run(node: SftNode, context: StageContext): Promise<ModelResult> {
  const { blobs } = context.store;
  const { nodes, ranksPerNode } = node.spec.resources;
  const workers = await context.workers(nodes);
  const job = trainingJob(node, context);
  const order = { ...jobEnvelope(node.id, node.spec.resources, context), job };
  const done = await runGang(workers, order, ranksPerNode, recordJob(node.id, context), context.signal);
  if (done.kind !== "trained")
    throw new RunError({ code: "internal", detail: `a training ended with the result of ${done.kind}` });
  const { kind: _, weightsSha256, ...training } = done;
  const folder = await blobs.putTree(job.outputPath);
  // Written by the engine, which keeps it in its checkpoints: of what it did while no runner was there, no event came.
  const log = await blobs.putFile(join(dirname(job.outputPath), "training-log.jsonl"));
  return { kind: "model", folder, weightsSha256, training: { ...training, log } };
}

/** The settings of the spec as they are, with the places of things. */
function trainingJob(node: SftNode, context: StageContext): TrainingOrder {
  const { spec, weights, rows: rowsNode, gateRows } = node;
  const {
    kind: _kind,
    name: _name,
    model: _model,
    dataset: _dataset,
    resources: _resources,
    tooLong: _tooLong,
    tensorboard,
    tuning,
    optimizer,
    epochs: _epochs,
    gate,
    ...settings
  } = spec;
  const { inputs, store } = context;
  const rows = inputs.rows(rowsNode);
  return {
    ...settings,
    kind: "training",
    optimizer: optimizerSettings(optimizer),
    tuning: tuningSettings(tuning),
    tensorboardPath: tensorboard ? join(runPaths(store.runDir).stages, node.id, "tensorboard") : "",
    modelPath: inputs.weightsPath(weights, store.blobs),
    rowsPath: store.blobs.path(rows.file),
    blobRoot: store.blobs.root,
    outputPath: join(context.folder, "model"),
    checkpointPath: join(context.folder, "checkpoints"),
    steps: samplerSteps(rows.rows, spec),
    ...(gate === undefined || gateRows === null
      ? {}
      : { gate: { ...gateSettings(gate), rowsPath: store.blobs.path(inputs.rows(gateRows).file) } }),
  };
}

function gateSettings(gate: NonNullable<SftNode["spec"]["gate"]>) {
  const { dataset: _, ...settings } = gate;
  return settings;
}

function optimizerSettings({ partLearningRates, ...settings }: Optimizer): TrainingOrder["optimizer"] {
  const rates = ModelPart.options.flatMap((part) => {
    const peakLearningRate = partLearningRates[part];
    return peakLearningRate === undefined ? [] : [{ part, peakLearningRate }];
  });
  return { ...settings, partLearningRates: rates };
}

function tuningSettings(tuning: Tuning): TrainingOrder["tuning"] {
  const { kind: _, ...settings } = tuning;
  return "rank" in settings ? { lora: settings } : { full: settings };
}
