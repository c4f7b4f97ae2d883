import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { sha256 } from "../../sdk/experiment/canonical-json.js";
import { RunError } from "../../sdk/failure/failure.js";
import type { Dataset } from "../../sdk/spec/dataset.js";
import type { Experiment } from "../../sdk/spec/experiment.js";
import type { UserFunction } from "../../sdk/spec/user-function.js";
import type { UserCode } from "./context.js";
import { UserCodeThread } from "./user-code-thread.js";

/** The user's functions out of the code that was captured when the run was submitted, called in a thread of their own. */
export class CapturedCode implements AsyncDisposable {
  readonly #folder: string;
  readonly #thread: UserCodeThread;
  readonly #paths = new Map<string, Promise<string>>();

  /** `signal` ends the functions, whatever they are doing: a call then rejects with its reason. */
  constructor(runDir: string, signal: AbortSignal) {
    this.#folder = join(runDir, "code");
    this.#thread = new UserCodeThread(signal);
  }

  /** Imports every function of an experiment, so that a missing one ends the run before anything has begun. */
  async check(experiment: Experiment): Promise<void> {
    for (const reference of userFunctionsOf(experiment)) await this.load(reference);
  }

  /** @throws RunError store_corrupt when the code is not what was captured; user_code when it has no such function. */
  async load({ module, name }: UserFunction): Promise<UserCode> {
    const verified = this.#paths.get(module) ?? this.#verify(module);
    this.#paths.set(module, verified);
    const path = await verified;
    const url = pathToFileURL(path).href;
    const type = await this.#thread.ask({ kind: "type", url, name });
    if (type.kind === "thrown") throw new RunError({ code: "user_code", detail: type.words, facts: { file: path } });
    if (type.value !== "function")
      throw new RunError({
        code: "user_code",
        facts: { function: name, found: String(type.value), expected: `an exported function "${name}"` },
      });
    return async (values, about) => {
      const answer = await this.#thread.ask({ kind: "call", url, name, values });
      if (answer.kind === "value") return answer.value;
      throw new RunError({ code: "user_code", detail: answer.words, facts: { function: name, ...about } });
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread[Symbol.asyncDispose]();
  }

  async #verify(module: string): Promise<string> {
    const hash = module.replace(/^sha256:/, "");
    const path = join(this.#folder, `${hash}.mjs`);
    const code = await readFile(path).catch(() => undefined);
    if (code !== undefined && sha256(code) === hash) return path;
    throw new RunError({
      code: "store_corrupt",
      facts: {
        file: path,
        found: code === undefined ? "no file" : "other code",
        expected: `code with the hash ${hash}`,
      },
    });
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
      case "audit":
        return [...corpus, ...ofDataset(stage.dataset)];
      case "mmLongBenchWrite":
        return [
          ...corpus,
          ...ofDataset(stage.items),
          ...(stage.judge.kind === "program" ? [stage.judge.function] : []),
          ...Object.values(stage.measures),
        ];
    }
  });
}
