import { canonicalJson, type JsonValue, sha256 } from "../../sdk/experiment/canonical-json.js";
import type { StageNode } from "../../sdk/plan/stages.js";
import type { BlobReader } from "../../sdk/run-folder/blob-reader.js";
import { environmentVersions } from "../launch/environments.js";
import type { Inputs } from "./inputs.js";
import { environmentOf, partsOf } from "./stage-kinds.js";

/** What decides the result of a node, and its hash. */
export interface StageKey {
  readonly key: string;
  readonly parts: JsonValue;
}

/** Libraries whose versions decide results, by kind of work. */
const DECIDING_LIBRARIES: Readonly<Partial<Record<StageNode["kind"], readonly string[]>>> = {
  import: ["pillow"],
  read: ["pyarrow"],
  audit: ["transformers", "tokenizers"],
  makeModel: ["torch", "transformers", "tokenizers"],
  sft: ["torch", "transformers", "tokenizers"],
  generate: ["torch", "transformers", "tokenizers"],
};

/** The key of a node whose inputs have results: kind, version of the code, settings, contents, tools. */
export async function stageKey(node: StageNode, inputs: Inputs, blobs: BlobReader): Promise<StageKey> {
  const { version, parts } = await partsOf(node, inputs, blobs);
  const all: JsonValue = { kind: node.kind, version, parts, tools: await toolsOf(node) };
  return { key: sha256(canonicalJson(all)), parts: all };
}

async function toolsOf(node: StageNode): Promise<Record<string, string>> {
  const environment = environmentOf(node);
  const names = DECIDING_LIBRARIES[node.kind] ?? [];
  if (environment === null || names.length === 0) return {};
  const versions = await environmentVersions(environment);
  return Object.fromEntries(names.map((name) => [name, versions[name] ?? "missing"]));
}
