import { existsSync } from "node:fs";
import type { JsonValue } from "../../sdk/experiment/canonical-json.js";
import type { StageNode } from "../../sdk/plan/stages.js";
import type { BlobReader } from "../../sdk/run-folder/blob-reader.js";
import { explainMiss } from "../store/explain-miss.js";
import type { StageCache } from "../store/stage-cache.js";
import { lasts } from "./fetch.js";
import type { Inputs } from "./inputs.js";
import { StageResult } from "./results.js";

import { stageKey } from "./stage-key.js";

/** Where a node stands with the cache. */
export interface LookUp {
  readonly key: string;
  readonly parts: JsonValue;
  /** The result, when the cache has it whole. */
  readonly hit?: StageResult;
  /** A result of which a part has failed: what is in it need not be made again. */
  readonly partial?: StageResult;
  /** Why it has not, in words. */
  readonly why: string;
}

/** Asks the cache for the result of a node whose inputs have results. */
export async function lookUp(
  node: StageNode,
  inputs: Inputs,
  experiment: string,
  { cache, blobs }: { readonly cache: StageCache; readonly blobs: BlobReader },
): Promise<LookUp> {
  const { key, parts } = await stageKey(node, inputs, blobs);
  const found = await cache.get(key);
  if (found.hit) {
    const result = StageResult.safeParse(found.entry.result);
    if (!result.success) return { key, parts, why: "its stored result has an older form" };
    if (node.kind === "fetch" && !lasts(node))
      return { key, parts, why: `${node.source.revision} may stand for another commit by now` };
    if (result.data.kind === "fetch" && !existsSync(result.data.path))
      return { key, parts, why: "it is no longer in the local cache" };
    const failed = "failed" in result.data ? result.data.failed : 0;
    if (failed > 0)
      return {
        key,
        parts,
        partial: result.data,
        why: `${failed} of its ${result.data.kind} failed and are asked for again`,
      };
    if (await imagesPresent(node, result.data, blobs)) return { key, parts, hit: result.data, why: "" };
    return { key, parts, why: "an image of its rows is missing" };
  }
  if (found.reason !== "absent") return { key, parts, why: found.detail };
  const last = await cache.lastOf(experiment, node.id);
  return { key, parts, why: last === undefined ? "it has not run yet" : explainMiss(last.parts, parts) };
}

/** Whether every image of imported rows is still there; its content is checked where it is read. */
async function imagesPresent(node: StageNode, result: StageResult, blobs: BlobReader): Promise<boolean> {
  if (node.kind !== "import" || result.kind !== "rows") return true;
  const rows = await blobs.readText(result.file);
  const hashes = new Set(Array.from(rows.matchAll(/"sha256":"([0-9a-f]{64})"/g), ([, hash = ""]) => hash));
  // Asking the file system without waiting in between is five times faster for thousands of small files.
  return [...hashes].every((sha256) => existsSync(blobs.path({ sha256, bytes: 0 })));
}
