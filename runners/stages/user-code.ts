import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { sha256 } from "../../sdk/experiment/canonical-json.js";
import { RunError } from "../../sdk/failure/failure.js";
import type { Dataset } from "../../sdk/spec/dataset.js";
import type { Experiment } from "../../sdk/spec/experiment.js";
import type { UserFunction } from "../../sdk/spec/user-function.js";
import type { UserCode } from "./context.js";

/** The user's functions out of the code that was captured when the run was submitted. */
export class CapturedCode {
  readonly #folder: string;
  readonly #modules = new Map<string, Promise<object>>();

  constructor(runDir: string) {
    this.#folder = join(runDir, "code");
  }

  /** Imports every function of an experiment, so that a missing one ends the run before anything has begun. */
  async check(experiment: Experiment): Promise<void> {
    for (const reference of userFunctionsOf(experiment)) await this.load(reference);
  }

  async load({ module, name }: UserFunction): Promise<UserCode> {
    const loaded = this.#modules.get(module) ?? this.#import(module);
    this.#modules.set(module, loaded);
    const found: unknown = Reflect.get(await loaded, name);
    if (!isUserCode(found))
      throw new RunError({
        code: "user_code",
        facts: { function: name, found: typeof found, expected: `an exported function "${name}"` },
      });
    return found;
  }

  async #import(module: string): Promise<object> {
    const hash = module.replace(/^sha256:/, "");
    const path = join(this.#folder, `${hash}.mjs`);
    const code = await readFile(path).catch(() => undefined);
    if (code === undefined || sha256(code) !== hash)
      throw new RunError({
        code: "store_corrupt",
        facts: {
          file: path,
          found: code === undefined ? "no file" : "other code",
          expected: `code with the hash ${hash}`,
        },
      });
    try {
      const imported: unknown = await import(pathToFileURL(path).href);
      if (typeof imported === "object" && imported !== null) return imported;
    } catch (error) {
      throw new RunError({ code: "user_code", detail: String(error), facts: { file: path } }, { cause: error });
    }
    throw new RunError({ code: "user_code", facts: { file: path, found: "no module" } });
  }
}

/** Every user function that an experiment names. */
export function userFunctionsOf(experiment: Experiment): readonly UserFunction[] {
  const ofDataset = (dataset: Dataset | undefined): readonly UserFunction[] =>
    dataset?.kind === "generated" ? [dataset.function] : [];
  return experiment.stages.flatMap((stage) => {
    const corpus = stage.model.kind === "scratch" ? ofDataset(stage.model.corpus) : [];
    switch (stage.kind) {
      case "sft":
        return [...corpus, ...ofDataset(stage.dataset), ...ofDataset(stage.gate?.dataset)];
      case "mmLongBenchWrite":
        return [...corpus, ...ofDataset(stage.items), stage.judge.function, ...Object.values(stage.measures)];
    }
  });
}

function isUserCode(value: unknown): value is UserCode {
  return typeof value === "function";
}
