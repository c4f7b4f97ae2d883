import { access, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { sha256 } from "../experiment/canonical-json.js";
import { nearestKey } from "../experiment/nearest-key.js";
import { SpecError } from "../experiment/spec-error.js";
import { absent } from "../run-folder/errno.js";
import { runPaths } from "../run-folder/run-paths.js";
import type { Audit } from "../spec/audit.js";
import type { Dataset } from "../spec/dataset.js";
import type { Experiment, Stage } from "../spec/experiment.js";
import type { Judge } from "../spec/judge.js";
import type { MmLongBenchWrite } from "../spec/mm-long-bench-write.js";
import type { Model } from "../spec/model.js";
import type { Sft } from "../spec/sft.js";
import type { UserFunction } from "../spec/user-function.js";
import type { Bundle } from "./bundle.js";

/** An experiment that no later edit can change: code by content, paths from the root. */
export interface FrozenExperiment {
  readonly experiment: Experiment;
  /** Captured modules. */
  readonly code: readonly Bundle[];
}

const CAPTURED = /^sha256:([0-9a-f]{64})$/;

/**
 * Captures the user functions of an experiment and makes its paths absolute. What is frozen already stays as it is, and
 * its captured code is carried along.
 *
 * @param base Folder that relative paths start from; of a frozen experiment, the folder of its run.
 * @throws SpecError naming the field of a module, export, file or folder that is missing.
 */
export async function freeze(experiment: Experiment, base: string): Promise<FrozenExperiment> {
  const freezer = new Freezer(base);
  const stages = await all(
    experiment.stages.map(async (stage, index) => await freezer.stage(stage, `stages.${index}`)),
  );
  return { experiment: { ...experiment, stages }, code: await freezer.code() };
}

class Freezer {
  readonly #base: string;
  readonly #bundles = new Map<string, Promise<Bundle>>();

  constructor(base: string) {
    this.#base = base;
  }

  async code(): Promise<readonly Bundle[]> {
    const bundles = await Promise.all(this.#bundles.values());
    return bundles.toSorted((one, other) => (one.sha256 < other.sha256 ? -1 : 1));
  }

  async stage(stage: Stage, field: string): Promise<Stage> {
    switch (stage.kind) {
      case "sft":
        return await this.#sft(stage, field);
      case "audit":
        return await this.#audit(stage, field);
      case "mmLongBenchWrite":
        return await this.#bench(stage, field);
    }
  }

  async #audit(stage: Audit, field: string): Promise<Audit> {
    const [model, dataset] = await all([
      this.#model(stage.model, `${field}.model`),
      this.#dataset(stage.dataset, `${field}.dataset`),
    ]);
    return { ...stage, model, dataset };
  }

  async #sft(stage: Sft, field: string): Promise<Sft> {
    const { gate } = stage;
    const [model, dataset, gateRows] = await all([
      this.#model(stage.model, `${field}.model`),
      this.#dataset(stage.dataset, `${field}.dataset`),
      gate === undefined ? undefined : this.#dataset(gate.dataset, `${field}.gate.dataset`),
    ]);
    return {
      ...stage,
      model,
      dataset,
      ...(gate === undefined || gateRows === undefined ? {} : { gate: { ...gate, dataset: gateRows } }),
    };
  }

  async #bench(stage: MmLongBenchWrite, field: string): Promise<MmLongBenchWrite> {
    const { engine, judge } = stage;
    const [model, items, frozenJudge, script, measures] = await all([
      this.#model(stage.model, `${field}.model`),
      this.#dataset(stage.items, `${field}.items`),
      this.#judge(judge, `${field}.judge`),
      engine.kind === "scripted" ? this.#path(engine.script, `${field}.engine.script`) : undefined,
      all(
        Object.entries(stage.measures).map(
          async ([name, reference]) => [name, await this.#function(reference, `${field}.measures.${name}`)] as const,
        ),
      ),
    ]);
    return {
      ...stage,
      model,
      items,
      judge: frozenJudge,
      engine: engine.kind === "scripted" && script !== undefined ? { ...engine, script } : engine,
      measures: Object.fromEntries(measures),
    };
  }

  async #judge(judge: Judge, field: string): Promise<Judge> {
    switch (judge.kind) {
      case "program":
        return { ...judge, function: await this.#function(judge.function, `${field}.function`) };
      case "scripted":
        return judge;
    }
  }

  async #model(model: Model, field: string): Promise<Model> {
    switch (model.kind) {
      case "folder":
        return { ...model, path: await this.#path(model.path, `${field}.path`) };
      case "scratch":
        return { ...model, corpus: await this.#dataset(model.corpus, `${field}.corpus`) };
      case "hub":
      case "stage":
        return model;
    }
  }

  async #dataset(dataset: Dataset, field: string): Promise<Dataset> {
    switch (dataset.kind) {
      case "records":
      case "messages":
      case "parquet":
        return { ...dataset, path: await this.#path(dataset.path, `${field}.path`) };
      case "shareGpt": {
        const { mediaFolder } = dataset;
        const [path, media] = await all([
          this.#path(dataset.path, `${field}.path`),
          mediaFolder === undefined ? undefined : this.#path(mediaFolder, `${field}.mediaFolder`),
        ]);
        return { ...dataset, path, ...(media === undefined ? {} : { mediaFolder: media }) };
      }
      case "generated":
        return { ...dataset, function: await this.#function(dataset.function, `${field}.function`) };
      case "hub":
        return dataset;
    }
  }

  async #function({ module, name }: UserFunction, field: string): Promise<UserFunction> {
    const hash = CAPTURED.exec(module)?.[1];
    const path =
      hash === undefined ? await this.#path(module, `${field}.module`) : join(runPaths(this.#base).code, `${hash}.mjs`);
    const bundling =
      this.#bundles.get(path) ??
      (hash === undefined ? bundleAnew(path, `${field}.module`) : readCaptured(path, hash, `${field}.module`));
    this.#bundles.set(path, bundling);
    const bundle = await bundling;
    if (!bundle.exports.includes(name)) throw missingExport(name, path, bundle.exports, field);
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

async function bundleAnew(path: string, field: string): Promise<Bundle> {
  const { bundleForRun } = await import("./bundle.js");
  return await bundleForRun(path, field);
}

/** Code that an earlier run has captured. */
async function readCaptured(path: string, hash: string, field: string): Promise<Bundle> {
  const code = await readFile(path, "utf8").catch(absent);
  if (code !== undefined && sha256(code) === hash) return await (await import("./bundle.js")).bundleOf(code);
  throw new SpecError([
    {
      path: field,
      found: `"sha256:${hash}", and ${code === undefined ? "no file" : "other code in"} ${path}`,
      expected: "the folder `code` of the run beside its spec.json, or the path of a module",
    },
  ]);
}

function missingExport(name: string, path: string, exports: readonly string[], field: string): SpecError {
  const nearest = nearestKey(name, exports);
  const expected = `an export of ${path}: ${exports.join(", ") || "it has none"}`;
  return new SpecError([
    { path: `${field}.name`, found: `"${name}"`, expected, ...(nearest === undefined ? {} : { nearest }) },
  ]);
}

/** All values, made side by side; when fields are wrong, the findings of all of them. */
async function all<const Values extends readonly unknown[]>(
  work: Values,
): Promise<{ -readonly [Index in keyof Values]: Awaited<Values[Index]> }> {
  const settled = await Promise.allSettled(work);
  const findings = settled.flatMap((one) =>
    one.status === "rejected" && one.reason instanceof SpecError ? one.reason.findings : [],
  );
  if (findings.length > 0) throw new SpecError(findings);
  return await Promise.all(work);
}
