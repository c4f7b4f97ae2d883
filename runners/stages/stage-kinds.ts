import type { JsonValue } from "../../sdk/experiment/canonical-json.js";
import type { StageNode, Weights } from "../../sdk/plan/stages.js";
import type { StageContext } from "./context.js";
import type { BlobReader } from "../../sdk/run-folder/blob-reader.js";
import * as audit from "./audit.js";
import * as corpus from "./corpus.js";
import * as fetch from "./fetch.js";
import * as generate from "./generate.js";
import * as importRows from "./import-rows.js";
import type { Inputs } from "./inputs.js";
import * as judge from "./judge.js";
import * as makeModel from "./make-model.js";
import * as read from "./read.js";
import type { StageResult } from "./results.js";
import * as score from "./score.js";
import * as sft from "./sft.js";

/** What a node does, told apart by its kind: the one place where kinds meet their code. */
export async function runNode(node: StageNode, context: StageContext): Promise<StageResult> {
  switch (node.kind) {
    case "fetch":
      return await fetch.run(node, context);
    case "read":
      return await read.run(node, context);
    case "audit":
      return await audit.run(node, context);
    case "corpus":
      return await corpus.run(node, context);
    case "import":
      return await importRows.run(node, context);
    case "makeModel":
      return await makeModel.run(node, context);
    case "sft":
      return await sft.run(node, context);
    case "generate":
      return await generate.run(node, context);
    case "judge":
      return await judge.run(node, context);
    case "score":
      return await score.run(node, context);
  }
}

/** What identifies the work of a node, besides the tools: its settings and the contents it starts from. */
export async function partsOf(
  node: StageNode,
  inputs: Inputs,
  blobs: BlobReader,
): Promise<{ version: number; parts: JsonValue }> {
  switch (node.kind) {
    case "fetch":
      return { version: fetch.version, parts: fetch.parts(node) };
    case "read":
      return { version: read.version, parts: await read.parts(node, inputs) };
    case "audit":
      return { version: audit.version, parts: await audit.parts(node, inputs) };
    case "corpus":
      return { version: corpus.version, parts: await corpus.parts(node, inputs, blobs) };
    case "import":
      return { version: importRows.version, parts: await importRows.parts(node, inputs, blobs) };
    case "makeModel":
      return { version: makeModel.version, parts: makeModel.parts(node, inputs) };
    case "sft":
      return { version: sft.version, parts: await sft.parts(node, inputs) };
    case "generate":
      return { version: generate.version, parts: await generate.parts(node, inputs) };
    case "judge":
      return { version: judge.version, parts: judge.parts(node, inputs) };
    case "score":
      return { version: score.version, parts: score.parts(node, inputs) };
  }
}

/** The nodes whose results a node starts from. */
export function needsOf(node: StageNode): readonly string[] {
  switch (node.kind) {
    case "fetch":
      return [];
    case "read":
      return node.fetched === null ? [] : [node.fetched];
    case "corpus":
    case "import":
      return node.read === null ? [] : [node.read];
    case "audit":
      return [...weightsNeed(node.weights), node.rows];
    case "makeModel":
      return [node.corpus];
    case "sft":
      return [...weightsNeed(node.weights), node.rows, ...(node.gateRows === null ? [] : [node.gateRows])];
    case "generate":
      return [...weightsNeed(node.weights), node.items];
    case "judge":
      return [node.items, node.texts];
    case "score":
      return [node.items, node.texts, node.verdicts];
  }
}

/** The Python environment whose libraries decide a node's result; null where only this package does. */
export function environmentOf(node: StageNode): string | null {
  switch (node.kind) {
    case "fetch":
    case "read":
    case "import":
    case "audit":
    case "makeModel":
      return importRows.resources.environment;
    case "sft":
    case "generate":
      return node.spec.resources.environment;
    case "corpus":
    case "judge":
    case "score":
      return null;
  }
}

function weightsNeed(weights: Weights): readonly string[] {
  return weights.kind === "node" ? [weights.id] : [];
}
