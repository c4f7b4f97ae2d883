import type { Audit } from "../spec/audit.js";
import type { Dataset } from "../spec/dataset.js";
import { Experiment, type Stage } from "../spec/experiment.js";
import type { MmLongBenchWrite } from "../spec/mm-long-bench-write.js";
import type { Model, ScratchModel } from "../spec/model.js";
import type { Resources } from "../spec/resources.js";
import { Sft } from "../spec/sft.js";
import { derivedName } from "./auditing.js";
import { canonicalJson, toJson } from "./canonical-json.js";
import { describeDataset, describeModel, describeRanks } from "./describe-spec.js";

/** What a tiny model has in common with the real one. */
export interface Likeness {
  readonly architecture: ScratchModel["architecture"];
  readonly patchSize: number;
  readonly mergeSize: number;
}

/** A field that the rehearsal has otherwise. */
export interface Replacement {
  readonly stage: string;
  readonly field: string;
  readonly real: string;
  readonly rehearsed: string;
}

export interface Rehearsal {
  readonly experiment: Experiment;
  readonly replaced: readonly Replacement[];
}

export interface RehearsalInput {
  /** For every stage with a model that is not read: what the tiny one in its place is like. */
  readonly likenesses: ReadonlyMap<string, Likeness>;
  /** Text rows for models that no training of the experiment gives. */
  readonly spareRows: string;
}

export const REHEARSED_ROWS = 2;
export const REHEARSED_STEPS = 2;
const MOST_RANKS = 2;
/** Enough text for a tokenizer that counts about as a real one does. */
const CORPUS_ROWS = 32;
const VOCABULARY = 8_192;
const WRITTEN_TOKENS = 16;

const REPLY = '{"Relevance":3,"Accuracy":3,"Coherence":3,"Clarity":3,"Breadth and Depth":3,"Reading Experience":3}';

/**
 * The experiment end to end on tiny models of the same architectures: two rows of each dataset, two steps, at most two
 * ranks, a scripted judge. Layout, pixels, limits, tuning, ZeRO stage and precision stay as they are.
 */
export function rehearsal(experiment: Experiment, input: RehearsalInput): Rehearsal {
  const rehearsing = new Rehearsing(experiment, input);
  for (const stage of experiment.stages) rehearsing.add(stage);
  return rehearsing.done();
}

class Rehearsing {
  readonly #experiment: Experiment;
  readonly #input: RehearsalInput;
  readonly #stages: Stage[] = [];
  readonly #replaced: Replacement[] = [];
  readonly #maxPositions: number;

  constructor(experiment: Experiment, input: RehearsalInput) {
    this.#experiment = experiment;
    this.#input = input;
    const windows = experiment.stages.map((stage) =>
      stage.kind === "mmLongBenchWrite" ? stage.engine.maxTokens : stage.maxTokens,
    );
    this.#maxPositions = Math.max(...windows);
  }

  done(): Rehearsal {
    const { name } = this.#experiment;
    const experiment = { ...this.#experiment, name: derivedName(name, "rehearsal"), stages: this.#stages };
    return { experiment: Experiment.parse(experiment), replaced: this.#replaced };
  }

  add(stage: Stage): void {
    switch (stage.kind) {
      case "sft":
        this.#stages.push(this.#sft(stage));
        break;
      case "audit":
        this.#stages.push(this.#audit(stage));
        break;
      case "mmLongBenchWrite":
        this.#stages.push(this.#bench(stage));
        break;
    }
  }

  #sft(stage: Sft): Sft {
    const { gate, ...ungated } = stage;
    const note = this.#noting(stage.name);
    const model = this.#trained(stage.model, stage, stage.dataset);
    const resources = fewerRanks(stage.resources);
    note("dataset", describeDataset(stage.dataset), `its first ${REHEARSED_ROWS} rows`);
    note("steps", stage.steps === undefined ? `${stage.epochs} epochs` : `${stage.steps}`, `${REHEARSED_STEPS}`);
    if (stage.checkpointEverySteps > 0) note("checkpoints", `every ${stage.checkpointEverySteps} steps`, "none");
    if (gate !== undefined) note("gate", `${gate.metric} of at least ${gate.atLeast}`, "none");
    if (describeRanks(resources) !== describeRanks(stage.resources))
      note("ranks", describeRanks(stage.resources), describeRanks(resources));
    return {
      ...ungated,
      model,
      dataset: firstRows(stage.dataset, REHEARSED_ROWS),
      steps: REHEARSED_STEPS,
      examplesPerStep: Math.min(stage.examplesPerStep, REHEARSED_ROWS),
      checkpointEverySteps: 0,
      resources,
    };
  }

  #audit(stage: Audit): Audit {
    const model = this.#trained(stage.model, stage, stage.dataset);
    this.#noting(stage.name)("dataset", describeDataset(stage.dataset), `its first ${REHEARSED_ROWS} rows`);
    return { ...stage, model, dataset: firstRows(stage.dataset, REHEARSED_ROWS) };
  }

  #bench(stage: MmLongBenchWrite): MmLongBenchWrite {
    const note = this.#noting(stage.name);
    const scripted = stage.engine.kind === "scripted";
    const model = scripted ? stage.model : this.#writing(stage);
    const resources = fewerRanks(stage.resources);
    note("items", describeDataset(stage.items), `its first ${REHEARSED_ROWS}`);
    if (stage.samplesPerItem > 1) note("texts of an item", `${stage.samplesPerItem}`, "1");
    if (!scripted) note("sampling", `up to ${stage.sampling.maxTokens} tokens`, `up to ${WRITTEN_TOKENS}`);
    if (stage.judge.kind !== "scripted") note("judge", `a ${stage.judge.kind}`, "one that says 3 to everything");
    return {
      ...stage,
      model,
      items: firstRows(stage.items, REHEARSED_ROWS),
      samplesPerItem: 1,
      sampling: { ...stage.sampling, maxTokens: Math.min(stage.sampling.maxTokens, WRITTEN_TOKENS), minTokens: 0 },
      judge: { kind: "scripted", reply: REPLY },
      resources,
    };
  }

  /** The model that a training or an audit starts from. */
  #trained(model: Model, { name }: Stage, dataset: Dataset): Model {
    switch (model.kind) {
      case "stage":
        return model;
      case "scratch":
        this.#noting(name)("corpus", describeDataset(model.corpus), `its first ${CORPUS_ROWS} rows`);
        return { ...model, corpus: firstRows(model.corpus, CORPUS_ROWS) };
      case "folder":
      case "hub":
        this.#noting(name)("model", describeModel(model), this.#tinyName(name));
        return this.#tiny(name, firstRows(dataset, CORPUS_ROWS));
    }
  }

  /** The model that writes the texts of a benchmark: random weights only write once a training has had them. */
  #writing(stage: MmLongBenchWrite): Model {
    const { model, name, visionPolicy } = stage;
    if (model.kind !== "folder" && model.kind !== "hub") return model;
    const corpus: Dataset = { kind: "records", path: this.#input.spareRows };
    const tiny = this.#tiny(name, corpus);
    const twin = this.#stages.find(
      (one) =>
        one.kind === "sft" &&
        one.model.kind === "scratch" &&
        one.model.architecture === tiny.architecture &&
        canonicalJson(toJson(one.visionPolicy)) === canonicalJson(toJson(visionPolicy)),
    );
    const source = twin?.name ?? this.#freeName(`${name}-model`);
    this.#noting(name)("model", describeModel(model), `${this.#tinyName(name)}, after the steps of ${source}`);
    if (twin === undefined)
      this.#stages.push(
        Sft.parse({
          kind: "sft",
          name: source,
          model: tiny,
          dataset: corpus,
          visionPolicy,
          maxTokens: stage.engine.maxTokens,
          steps: 1,
          examplesPerStep: 1,
          precision: stage.engine.kind === "transformers" ? stage.engine.precision : "float32",
        }),
      );
    return { kind: "stage", stage: source, gives: "model" };
  }

  #tiny(stage: string, corpus: Dataset): ScratchModel {
    const { architecture, patchSize, mergeSize } = this.#likeness(stage);
    return {
      kind: "scratch",
      architecture,
      corpus,
      vocabularySize: VOCABULARY,
      text: {
        layers: 2,
        hiddenSize: 64,
        intermediateSize: 128,
        heads: 2,
        keyValueHeads: 2,
        ropeTheta: 1_000_000,
        maxPositions: this.#maxPositions,
      },
      vision: { layers: 2, hiddenSize: 32, intermediateSize: 64, heads: 2, patchSize, mergeSize },
      initializerRange: 0.02,
      seed: 42,
    };
  }

  #likeness(stage: string): Likeness {
    const likeness = this.#input.likenesses.get(stage);
    if (likeness === undefined) throw new RangeError(`nothing says what the model of ${stage} is like`);
    return likeness;
  }

  #tinyName(stage: string): string {
    return `a tiny ${this.#likeness(stage).architecture} with random weights`;
  }

  #freeName(wanted: string): string {
    const names = new Set(this.#experiment.stages.map(({ name }) => name));
    let name = wanted;
    for (let number = 2; names.has(name); number += 1) name = `${wanted}-${number}`;
    return name;
  }

  #noting(stage: string): (field: string, real: string, rehearsed: string) => void {
    return (field, real, rehearsed) => void this.#replaced.push({ stage, field, real, rehearsed });
  }
}

function firstRows(dataset: Dataset, rows: number): Dataset {
  return { ...dataset, limit: Math.min(rows, dataset.limit ?? rows) };
}

/** Two nodes stay two, several ranks of one node become two of them. */
function fewerRanks(resources: Resources): Resources {
  const nodes = Math.min(resources.nodes, MOST_RANKS);
  return { ...resources, nodes, ranksPerNode: Math.min(resources.ranksPerNode, MOST_RANKS / nodes) };
}
