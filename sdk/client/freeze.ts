import { access } from "node:fs/promises";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { SpecError } from "../experiment/spec-error.js";
import type { Dataset } from "../spec/dataset.js";
import type { Experiment, Stage } from "../spec/experiment.js";
import type { Model } from "../spec/model.js";
import type { UserFunction } from "../spec/user-function.js";
import type { Bundle } from "./bundle.js";

/** An experiment that no later edit can change: code by content, paths from the root. */
export interface FrozenExperiment {
  readonly experiment: Experiment;
  /** Captured modules. */
  readonly code: readonly Bundle[];
}

const CAPTURED = /^sha256:[0-9a-f]{64}$/;

/**
 * Captures the user functions of an experiment and makes its paths absolute.
 *
 * @param base Folder that relative paths start from.
 * @throws SpecError naming the field of a module, export, file or folder that is missing.
 */
export async function freeze(experiment: Experiment, base: string): Promise<FrozenExperiment> {
  const freezer = new Freezer(base);
  const stages: Stage[] = [];
  for (const [index, stage] of experiment.stages.entries()) stages.push(await freezer.stage(stage, `stages.${index}`));
  return { experiment: { ...experiment, stages }, code: freezer.code() };
}

class Freezer {
  readonly #base: string;
  readonly #bundles = new Map<string, Bundle>();

  constructor(base: string) {
    this.#base = base;
  }

  code(): readonly Bundle[] {
    return [...this.#bundles.values()];
  }

  async stage(stage: Stage, field: string): Promise<Stage> {
    const model = await this.#model(stage.model, `${field}.model`);
    switch (stage.kind) {
      case "sft": {
        const dataset = await this.#dataset(stage.dataset, `${field}.dataset`);
        if (stage.gate === undefined) return { ...stage, model, dataset };
        return {
          ...stage,
          model,
          dataset,
          gate: { ...stage.gate, dataset: await this.#dataset(stage.gate.dataset, `${field}.gate.dataset`) },
        };
      }
      case "mmLongBenchWrite": {
        const measures: Record<string, UserFunction> = {};
        for (const [name, reference] of Object.entries(stage.measures))
          measures[name] = await this.#function(reference, `${field}.measures.${name}`);
        return {
          ...stage,
          model,
          measures,
          items: await this.#dataset(stage.items, `${field}.items`),
          judge: { ...stage.judge, function: await this.#function(stage.judge.function, `${field}.judge.function`) },
          engine:
            stage.engine.kind === "scripted"
              ? { ...stage.engine, script: await this.#path(stage.engine.script, `${field}.engine.script`) }
              : stage.engine,
        };
      }
    }
  }

  async #model(model: Model, field: string): Promise<Model> {
    switch (model.kind) {
      case "folder":
        return { ...model, path: await this.#path(model.path, `${field}.path`) };
      case "scratch":
        return { ...model, corpus: await this.#dataset(model.corpus, `${field}.corpus`) };
      case "stage":
        return model;
    }
  }

  async #dataset(dataset: Dataset, field: string): Promise<Dataset> {
    if (dataset.kind === "records") return { ...dataset, path: await this.#path(dataset.path, `${field}.path`) };
    return { ...dataset, function: await this.#function(dataset.function, `${field}.function`) };
  }

  async #function({ module, name }: UserFunction, field: string): Promise<UserFunction> {
    if (CAPTURED.test(module)) return { module, name };
    const path = await this.#path(module, `${field}.module`);
    const { bundleForRun } = await import("./bundle.js");
    const bundle = this.#bundles.get(path) ?? (await bundleForRun(path, `${field}.module`));
    this.#bundles.set(path, bundle);
    if (!bundle.exports.includes(name))
      throw new SpecError([
        {
          path: `${field}.name`,
          found: `"${name}"`,
          expected: `an export of ${path}: ${bundle.exports.join(", ") || "it has none"}`,
        },
      ]);
    return { module: `sha256:${bundle.sha256}`, name };
  }

  async #path(given: string, field: string): Promise<string> {
    const path = given.startsWith("file:") ? fileURLToPath(given) : resolve(this.#base, given);
    await access(path).catch(() => {
      throw new SpecError([
        {
          path: field,
          found: `"${given}", which does not exist below ${this.#base}`,
          expected: "an existing file or folder",
        },
      ]);
    });
    return path;
  }
}
