import type { Audit } from "../spec/audit.js";
import type { Dataset } from "../spec/dataset.js";
import type { Experiment } from "../spec/experiment.js";
import type { MmLongBenchWrite } from "../spec/mm-long-bench-write.js";
import type { HubModel, Model, ScratchModel } from "../spec/model.js";
import type { Sft } from "../spec/sft.js";
import type { VisionPolicy } from "../spec/vision-policy.js";

/** A node of the plan, named so that nodes of one stage of the spec share its name before the slash. */
interface NodeBase {
  readonly id: string;
}

/** A model or dataset of a hub, brought onto this machine. */
export interface FetchNode extends NodeBase {
  readonly kind: "fetch";
  readonly source: HubSource;
  readonly holds: "model" | "dataset";
}

/** What names something on a hub. */
export type HubSource = Pick<HubModel, "repository" | "revision" | "tokenVariable">;

/** A dataset in a form that others have made, turned into rows. */
export interface ReadNode extends NodeBase {
  readonly kind: "read";
  readonly dataset: ForeignDataset;
  /** The node that fetches it; null where it lies on disk. */
  readonly fetched: string | null;
}

/** A dataset in a form that others have made. */
export type ForeignDataset = Exclude<Dataset, { readonly kind: "records" | "generated" }>;

/** What a node that takes rows takes them from: the dataset itself, or the node that has read it. */
interface TakesRows {
  readonly dataset: Dataset;
  readonly read: string | null;
}

/** Text rows as they are, for a tokenizer. */
export interface CorpusNode extends NodeBase, TakesRows {
  readonly kind: "corpus";
}

/** Rows with their images brought to the final pixels. */
export interface ImportNode extends NodeBase, TakesRows {
  readonly kind: "import";
  readonly rows: "training" | "bench";
  readonly visionPolicy: VisionPolicy;
}

/** Rows counted by the model's own processor, and what is too long dealt with. */
export interface AuditNode extends NodeBase {
  readonly kind: "audit";
  readonly spec: AuditSettings;
  /** A model that has the tokenizer and the processor of the one to train: its weights are not read. */
  readonly weights: Weights;
  readonly rows: string;
  /** Whether a training follows: rows that are refused then end the run. */
  readonly training: boolean;
}

/** What an audit and a training that starts with one have in common. */
export type AuditSettings = Pick<Audit, "name" | "dataset" | "visionPolicy" | "promptLayout" | "maxTokens" | "tooLong">;

/** A new model with random weights. */
export interface MakeModelNode extends NodeBase {
  readonly kind: "makeModel";
  readonly model: ScratchModel;
  readonly visionPolicy: VisionPolicy;
  readonly corpus: string;
}

/** Where a node finds the weights it starts from. */
export type Weights =
  | { readonly kind: "node"; readonly id: string }
  | { readonly kind: "folder"; readonly path: string }
  | { readonly kind: "none" };

/** Supervised fine-tuning. */
export interface SftNode extends NodeBase {
  readonly kind: "sft";
  readonly spec: Sft;
  readonly weights: Weights;
  readonly rows: string;
  readonly gateRows: string | null;
}

/** Texts for the items of a benchmark. */
export interface GenerateNode extends NodeBase {
  readonly kind: "generate";
  readonly spec: MmLongBenchWrite;
  readonly weights: Weights;
  readonly items: string;
}

/** Verdicts on those texts. */
export interface JudgeNode extends NodeBase {
  readonly kind: "judge";
  readonly spec: MmLongBenchWrite;
  readonly items: string;
  readonly texts: string;
}

/** Scores from texts and verdicts. */
export interface ScoreNode extends NodeBase {
  readonly kind: "score";
  readonly spec: MmLongBenchWrite;
  readonly items: string;
  readonly texts: string;
  readonly verdicts: string;
}

export type StageNode =
  | FetchNode
  | ReadNode
  | CorpusNode
  | ImportNode
  | AuditNode
  | MakeModelNode
  | SftNode
  | GenerateNode
  | JudgeNode
  | ScoreNode;

/**
 * The nodes of an experiment in the order they run. All rows are read and counted first: bad data ends a run
 * before anything expensive has begun.
 */
export function planStages(experiment: Experiment): readonly StageNode[] {
  const reading: StageNode[] = [];
  const working: StageNode[] = [];
  for (const stage of experiment.stages) {
    switch (stage.kind) {
      case "sft":
        planSft(stage, experiment, reading, working);
        break;
      case "audit":
        planAudit(stage, experiment, stage.name, false, reading);
        break;
      case "mmLongBenchWrite":
        planBench(stage, reading, working);
        break;
    }
  }
  return [...reading, ...working];
}

function planSft(spec: Sft, experiment: Experiment, reading: StageNode[], working: StageNode[]): void {
  const { name, gate, visionPolicy } = spec;
  const gateRows = gate === undefined ? null : `${name}/gate-rows`;
  if (gate !== undefined && gateRows !== null) planImport(gateRows, "training", gate.dataset, visionPolicy, reading);
  const audit = `${name}/audit`;
  planAudit(spec, experiment, audit, true, reading);
  working.push({ kind: "sft", id: name, spec, weights: weightsOf(spec.model, name), rows: audit, gateRows });
}

/** Rows, what it takes to count them, and the count. */
function planAudit(
  spec: AuditSettings & Pick<Audit, "model">,
  experiment: Experiment,
  id: string,
  training: boolean,
  reading: StageNode[],
): void {
  const { name, model, dataset, visionPolicy } = spec;
  const rows = `${name}/rows`;
  planImport(rows, "training", dataset, visionPolicy, reading);
  planModel(model, name, visionPolicy, reading);
  reading.push({ kind: "audit", id, spec, weights: originOf(model, name, experiment), rows, training });
}

/** A model that has to be fetched or made before it can be opened. */
function planModel(model: Model, stage: string, visionPolicy: VisionPolicy, reading: StageNode[]): void {
  if (model.kind === "hub")
    reading.push({ kind: "fetch", id: `${stage}/model`, source: hubSource(model), holds: "model" });
  if (model.kind !== "scratch") return;
  const corpus = `${stage}/corpus`;
  reading.push({ kind: "corpus", id: corpus, dataset: model.corpus, read: planRead(corpus, model.corpus, reading) });
  reading.push({ kind: "makeModel", id: `${stage}/model`, model, visionPolicy, corpus });
}

function planImport(
  id: string,
  rows: "training" | "bench",
  dataset: Dataset,
  visionPolicy: VisionPolicy,
  reading: StageNode[],
): void {
  reading.push({ kind: "import", id, rows, dataset, read: planRead(id, dataset, reading), visionPolicy });
}

/** The node that reads a dataset which others have made; null where its rows are ours already. */
function planRead(id: string, dataset: Dataset, reading: StageNode[]): string | null {
  if (dataset.kind === "records" || dataset.kind === "generated") return null;
  const fetched = dataset.kind === "hub" ? `${id}-fetched` : null;
  if (dataset.kind === "hub" && fetched !== null)
    reading.push({ kind: "fetch", id: fetched, source: hubSource(dataset), holds: "dataset" });
  const read = `${id}-read`;
  reading.push({ kind: "read", id: read, dataset, fetched });
  return read;
}

function hubSource({ repository, revision, tokenVariable }: HubSource): HubSource {
  return { repository, revision, ...(tokenVariable === undefined ? {} : { tokenVariable }) };
}

/** Where the first model of a chain of trainings lies: they all share its tokenizer and its processor. */
function originOf(model: Model, stage: string, experiment: Experiment): Weights {
  if (model.kind !== "stage") return weightsOf(model, stage);
  const source = experiment.stages.find(({ name }) => name === model.stage);
  return source === undefined ? weightsOf(model, stage) : originOf(source.model, source.name, experiment);
}

function planBench(spec: MmLongBenchWrite, reading: StageNode[], working: StageNode[]): void {
  const items = `${spec.name}/items`;
  const texts = `${spec.name}/texts`;
  const verdicts = `${spec.name}/verdicts`;
  planImport(items, "bench", spec.items, spec.visionPolicy, reading);
  // Scripted texts need no model.
  if (spec.engine.kind !== "scripted" && spec.model.kind === "hub")
    planModel(spec.model, spec.name, spec.visionPolicy, reading);
  working.push(
    {
      kind: "generate",
      id: texts,
      spec,
      weights: spec.engine.kind === "scripted" ? { kind: "none" } : weightsOf(spec.model, spec.name),
      items,
    },
    { kind: "judge", id: verdicts, spec, items, texts },
    { kind: "score", id: spec.name, spec, items, texts, verdicts },
  );
}

function weightsOf(model: Model, stage: string): Weights {
  switch (model.kind) {
    case "folder":
      return { kind: "folder", path: model.path };
    case "hub":
    case "scratch":
      return { kind: "node", id: `${stage}/model` };
    case "stage":
      return { kind: "node", id: model.stage };
  }
}
