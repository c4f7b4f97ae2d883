import { RunError } from "../../sdk/failure/failure.js";
import type { Weights } from "../../sdk/plan/stages.js";
import type { BlobStore } from "../store/blobs.js";
import { folderSha256 } from "./model-folder.js";
import type {
  AuditResult,
  FetchResult,
  ModelResult,
  ReadResult,
  RowsResult,
  ScoresResult,
  StageResult,
  TextsResult,
  VerdictsResult,
} from "./results.js";

/** The results of earlier nodes, by the kind that a node needs. */
export class Inputs {
  readonly #results = new Map<string, StageResult>();

  set(id: string, result: StageResult): void {
    this.#results.set(id, result);
  }

  /** Whether every one of these nodes has a result. */
  has(ids: readonly string[]): boolean {
    return ids.every((id) => this.#results.has(id));
  }

  /** Imported rows, or those of them that an audit has left. */
  rows(id: string): Pick<RowsResult, "file" | "rows" | "images"> {
    const result = this.#results.get(id);
    if (result?.kind === "rows" || result?.kind === "audit") return result;
    throw missing(id, "rows");
  }

  audit(id: string): AuditResult {
    const result = this.#results.get(id);
    if (result?.kind === "audit") return result;
    throw missing(id, "audit");
  }

  read(id: string): ReadResult {
    const result = this.#results.get(id);
    if (result?.kind === "read") return result;
    throw missing(id, "rows");
  }

  fetched(id: string): FetchResult {
    const result = this.#results.get(id);
    if (result?.kind === "fetch") return result;
    throw missing(id, "files");
  }

  model(id: string): ModelResult {
    const result = this.#results.get(id);
    if (result?.kind === "model") return result;
    throw missing(id, "model");
  }

  texts(id: string): TextsResult {
    const result = this.#results.get(id);
    if (result?.kind === "texts") return result;
    throw missing(id, "texts");
  }

  verdicts(id: string): VerdictsResult {
    const result = this.#results.get(id);
    if (result?.kind === "verdicts") return result;
    throw missing(id, "verdicts");
  }

  scores(id: string): ScoresResult {
    const result = this.#results.get(id);
    if (result?.kind === "scores") return result;
    throw missing(id, "scores");
  }

  /** What identifies the weights by content. */
  async weightsKey(weights: Weights): Promise<string> {
    switch (weights.kind) {
      case "node": {
        const result = this.#results.get(weights.id);
        // A commit of a hub never changes.
        if (result?.kind === "fetch") return `${result.repository}@${result.commit}`;
        return this.model(weights.id).folder.tree;
      }
      case "folder":
        return await folderSha256(weights.path);
      case "none":
        return "none";
    }
  }

  /** Where the weights lie. */
  weightsPath(weights: Weights, blobs: BlobStore): string {
    switch (weights.kind) {
      case "node": {
        const result = this.#results.get(weights.id);
        return result?.kind === "fetch" ? result.path : blobs.treePath(this.model(weights.id).folder);
      }
      case "folder":
        return weights.path;
      case "none":
        throw new RunError({ code: "internal", detail: "a node without weights asks where they lie" });
    }
  }
}

function missing(id: string, kind: string): RunError {
  return new RunError({ code: "internal", detail: `the plan runs a node before ${id} has given its ${kind}` });
}
