import type { Dataset } from "../spec/dataset.js";
import type { Experiment } from "../spec/experiment.js";
import type { MmLongBenchWrite } from "../spec/mm-long-bench-write.js";
import type { Model, ScratchModel } from "../spec/model.js";
import type { Sft } from "../spec/sft.js";
import type { VisionPolicy } from "../spec/vision-policy.js";

/** A node of the plan, named so that nodes of one stage of the spec share its name before the slash. */
interface NodeBase {
  readonly id: string;
}

/** Text rows as they are, for a tokenizer. */
export interface CorpusNode extends NodeBase {
  readonly kind: "corpus";
  readonly dataset: Dataset;
}

/** Rows with their images brought to the final pixels. */
export interface ImportNode extends NodeBase {
  readonly kind: "import";
  readonly rows: "training" | "bench";
  readonly dataset: Dataset;
  readonly visionPolicy: VisionPolicy;
}

/** A new model with random weights. */
export interface MakeModelNode extends NodeBase {
  readonly kind: "makeModel";
  readonly model: ScratchModel;
  readonly visionPolicy: VisionPolicy;
  readonly corpus: string;
  readonly spec: Sft;
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

export type StageNode = CorpusNode | ImportNode | MakeModelNode | SftNode | GenerateNode | JudgeNode | ScoreNode;

/**
 * The nodes of an experiment in the order they run. All rows are read first: bad data ends a run
 * before anything expensive has begun.
 */
export function planStages(experiment: Experiment): readonly StageNode[] {
  const reading: StageNode[] = [];
  const working: StageNode[] = [];
  for (const stage of experiment.stages) {
    switch (stage.kind) {
      case "sft":
        planSft(stage, reading, working);
        break;
      case "mmLongBenchWrite":
        planBench(stage, reading, working);
        break;
    }
  }
  return [...reading, ...working];
}

function planSft(spec: Sft, reading: StageNode[], working: StageNode[]): void {
  const rows = `${spec.name}/rows`;
  const gateRows = spec.gate === undefined ? null : `${spec.name}/gate-rows`;
  reading.push({ kind: "import", id: rows, rows: "training", dataset: spec.dataset, visionPolicy: spec.visionPolicy });
  if (spec.gate !== undefined && gateRows !== null)
    reading.push({
      kind: "import",
      id: gateRows,
      rows: "training",
      dataset: spec.gate.dataset,
      visionPolicy: spec.visionPolicy,
    });
  if (spec.model.kind === "scratch") {
    const corpus = `${spec.name}/corpus`;
    reading.push({ kind: "corpus", id: corpus, dataset: spec.model.corpus });
    working.push({
      kind: "makeModel",
      id: `${spec.name}/model`,
      model: spec.model,
      visionPolicy: spec.visionPolicy,
      corpus,
      spec,
    });
  }
  working.push({ kind: "sft", id: spec.name, spec, weights: weightsOf(spec.model, spec.name), rows, gateRows });
}

function planBench(spec: MmLongBenchWrite, reading: StageNode[], working: StageNode[]): void {
  const items = `${spec.name}/items`;
  const texts = `${spec.name}/texts`;
  const verdicts = `${spec.name}/verdicts`;
  reading.push({ kind: "import", id: items, rows: "bench", dataset: spec.items, visionPolicy: spec.visionPolicy });
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
    case "scratch":
      return { kind: "node", id: `${stage}/model` };
    case "stage":
      return { kind: "node", id: model.stage };
  }
}
