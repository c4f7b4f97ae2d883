import type { Dataset } from "../spec/dataset.js";
import type { Model } from "../spec/model.js";
import type { Resources } from "../spec/resources.js";

/** A model as one short text. */
export function describeModel(model: Model): string {
  switch (model.kind) {
    case "folder":
      return model.path;
    case "hub":
      return `${model.repository} of the hub`;
    case "scratch":
      return `a new ${model.architecture}`;
    case "stage":
      return `the model of ${model.stage}`;
  }
}

/** A dataset as one short text. */
export function describeDataset(dataset: Dataset): string {
  switch (dataset.kind) {
    case "records":
    case "messages":
    case "parquet":
      return dataset.path;
    case "shareGpt":
      return `${dataset.name} of ${dataset.path}`;
    case "generated":
      return `${dataset.function.name}()`;
    case "hub":
      return `${dataset.repository} of the hub`;
  }
}

/** Ranks as one short text. */
export function describeRanks({ nodes, ranksPerNode }: Resources): string {
  const ranks = `${ranksPerNode} rank${ranksPerNode === 1 ? "" : "s"}`;
  return nodes === 1 ? ranks : `${ranks} on each of ${nodes} nodes`;
}
