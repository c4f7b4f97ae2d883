import type { JsonValue } from "../../sdk/experiment/canonical-json.js";
import type { StageNode, Weights } from "../../sdk/plan/stages.js";
import type { StageContext } from "./context.js";
import * as corpus from "./corpus.js";
import * as generate from "./generate.js";
import * as importRows from "./import-rows.js";
import type { Inputs } from "./inputs.js";
import * as judge from "./judge.js";
import * as makeModel from "./make-model.js";
import type { StageResult } from "./results.js";
import * as score from "./score.js";
import * as sft from "./sft.js";

/** What a node does, told apart by its kind: the one place where kinds meet their code. */
export async function runNode(node: StageNode, context: StageContext): Promise<StageResult> {
  switch (node.kind) {
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
export async function partsOf(node: StageNode, inputs: Inputs): Promise<{ version: number; parts: JsonValue }> {
  switch (node.kind) {
    case "corpus":
      return { version: corpus.version, parts: await corpus.parts(node) };
    case "import":
      return { version: importRows.version, parts: await importRows.parts(node) };
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
    case "corpus":
    case "import":
      return [];
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
    case "import":
      return importRows.resources.environment;
    case "makeModel":
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
