import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { catalogueShape } from "../../sdk/plan/model-catalogue.js";
import { type ModelShape, shapeOfConfig, shapeOfScratch } from "../../sdk/plan/model-shape.js";
import { absent, errno } from "../../sdk/run-folder/errno.js";
import type { Experiment } from "../../sdk/spec/experiment.js";
import type { HubModel, Model } from "../../sdk/spec/model.js";
import { UsageError } from "./usage-error.js";

/** A model by name, with its shape where something says it. */
export interface KnownModel {
  readonly name: string;
  readonly shape: ModelShape | null;
  /** What says it, or what would. */
  readonly from: string;
}

/** Finds the shapes of an experiment's models without weights, network or Python. */
export class ModelShapes {
  readonly #experiment: Experiment;
  readonly #config: string | undefined;

  /** @param config A config.json for models that nothing else describes. */
  constructor(experiment: Experiment, config: string | undefined) {
    this.#experiment = experiment;
    this.#config = config;
  }

  /**
   * @param opened The folder of the weights, where a cache has them.
   * @throws UsageError when the given config.json describes no model that is trained here.
   */
  async of(model: Model, opened?: string): Promise<KnownModel> {
    const known = await this.#known(model);
    const found = opened === undefined ? undefined : await readConfig(join(opened, "config.json"));
    return found?.shape ? { ...known, shape: found.shape, from: "its config.json" } : known;
  }

  async #known(model: Model): Promise<KnownModel> {
    switch (model.kind) {
      case "scratch":
        return { name: "a new model", shape: shapeOfScratch(model), from: "the spec" };
      case "folder":
        return await this.#described(model.path, join(model.path, "config.json"));
      case "hub": {
        const shape = catalogueShape(model.repository);
        if (shape !== undefined) return { name: model.repository, shape, from: "the catalogue" };
        const unknown = "neither the catalogue nor the local cache knows it";
        return await this.#described(model.repository, await cachedConfig(model), unknown);
      }
      case "stage": {
        const source = this.#experiment.stages.find(({ name }) => name === model.stage);
        if (source === undefined) return { name: `the model of ${model.stage}`, shape: null, from: "no stage" };
        const known = await this.#known(source.model);
        return { ...known, name: `the model of ${model.stage} (${known.name})` };
      }
    }
  }

  async #described(name: string, own: string, unknown?: string): Promise<KnownModel> {
    const found = await readConfig(own);
    if (found.shape !== null) return { name, shape: found.shape, from: own };
    if (this.#config === undefined) {
      const why = (found.absent ? unknown : undefined) ?? `${own} ${found.why}`;
      return { name, shape: null, from: `${why}: give its config.json with --config` };
    }
    const given = await readConfig(this.#config);
    if (given.shape === null) throw new UsageError(`--config: ${this.#config} ${given.why}.`);
    return { name, shape: given.shape, from: this.#config };
  }
}

/** Where the local cache of the hub keeps a model's config.json. */
async function cachedConfig({ repository, revision }: HubModel): Promise<string> {
  const { HF_HUB_CACHE, HF_HOME } = process.env;
  const root = HF_HUB_CACHE ?? join(HF_HOME ?? join(homedir(), ".cache", "huggingface"), "hub");
  const folder = join(root, `models--${repository.replaceAll("/", "--")}`);
  const commit = await readFile(join(folder, "refs", revision), "utf8").catch(absent);
  return join(folder, "snapshots", commit?.trim() ?? revision, "config.json");
}

type ReadConfig =
  | { readonly shape: ModelShape }
  | { readonly shape: null; readonly why: string; readonly absent: boolean };

async function readConfig(path: string): Promise<ReadConfig> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    if (errno(error) === "EISDIR") return "";
    return absent(error);
  });
  if (text === undefined) return { shape: null, why: "does not exist", absent: true };
  const json = parsed(text);
  if (json === undefined) return { shape: null, why: "holds no JSON", absent: false };
  const shape = shapeOfConfig(json);
  return shape === null
    ? { shape, why: "is no config.json of a Qwen2-VL, Qwen2.5-VL or Qwen3-VL", absent: false }
    : { shape };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
