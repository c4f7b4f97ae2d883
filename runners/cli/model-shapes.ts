import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { catalogueShape } from "../../sdk/plan/model-catalogue.js";
import { type ModelShape, shapeOfConfig, shapeOfScratch } from "../../sdk/plan/model-shape.js";
import { absent } from "../../sdk/run-folder/errno.js";
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
    const shape = opened === undefined ? null : shapeOfConfig(await readJson(join(opened, "config.json")));
    return shape === null ? known : { ...known, shape, from: "its config.json" };
  }

  async #known(model: Model): Promise<KnownModel> {
    switch (model.kind) {
      case "scratch":
        return { name: "a new model", shape: shapeOfScratch(model), from: "the spec" };
      case "folder":
        return await this.#described(model.path, [join(model.path, "config.json")]);
      case "hub": {
        const shape = catalogueShape(model.repository);
        if (shape !== undefined) return { name: model.repository, shape, from: "the catalogue" };
        return await this.#described(model.repository, await cachedConfigs(model));
      }
      case "stage": {
        const source = this.#experiment.stages.find(({ name }) => name === model.stage);
        if (source === undefined) return { name: `the model of ${model.stage}`, shape: null, from: "no stage" };
        const known = await this.#known(source.model);
        return { ...known, name: `the model of ${model.stage} (${known.name})` };
      }
    }
  }

  async #described(name: string, configs: readonly string[]): Promise<KnownModel> {
    for (const path of configs) {
      const shape = shapeOfConfig(await readJson(path));
      if (shape !== null) return { name, shape, from: path };
    }
    if (this.#config === undefined)
      return {
        name,
        shape: null,
        from: "neither the catalogue nor the local cache knows it: give its config.json with --config",
      };
    const shape = shapeOfConfig(await readJson(this.#config));
    if (shape === null)
      throw new UsageError(`${this.#config} is no config.json of a Qwen2-VL, Qwen2.5-VL or Qwen3-VL.`);
    return { name, shape, from: this.#config };
  }
}

/** Where the local cache of the hub keeps a model's config.json. */
async function cachedConfigs({ repository, revision }: HubModel): Promise<readonly string[]> {
  const { HF_HUB_CACHE, HF_HOME } = process.env;
  const root = HF_HUB_CACHE ?? join(HF_HOME ?? join(homedir(), ".cache", "huggingface"), "hub");
  const folder = join(root, `models--${repository.replaceAll("/", "--")}`);
  const commit = await readFile(join(folder, "refs", revision), "utf8").catch(absent);
  return [commit?.trim() ?? revision].map((name) => join(folder, "snapshots", name, "config.json"));
}

/** Parsed JSON; undefined where there is no such file or something else is in it. */
async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, "utf8").catch(absent);
  if (text === undefined) return undefined;
  try {
    const parsed: unknown = JSON.parse(text);
    return parsed;
  } catch {
    return undefined;
  }
}
