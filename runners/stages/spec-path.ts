import { RunError } from "../../sdk/failure/failure.js";
import type { Experiment, Stage } from "../../sdk/spec/experiment.js";

/** A worker names a field of its job; the user knows the field of the spec that it came from. */
export function namingSpec(error: unknown, node: string, experiment: Experiment): unknown {
  if (!(error instanceof RunError) || error.failure.fieldPath === undefined) return error;
  const fieldPath = specPath(error.failure.fieldPath, node, experiment);
  return new RunError({ ...error.failure, fieldPath }, { cause: error });
}

const JOBS: ReadonlySet<string> = new Set(["import", "model", "training", "generation", "audit", "read", "fetch"]);

/**
 * The path in the spec of a field of a job, such as `stages.0.maxTokens` for `training.max_tokens`. A field that came
 * from no spec stays as it is.
 *
 * @param node Node of the plan that the job belongs to.
 */
export function specPath(jobPath: string, node: string, { stages }: Experiment): string {
  const index = stages.findIndex(({ name }) => name === node.split("/")[0]);
  const stage = stages[index];
  if (stage === undefined) return jobPath;
  const [job = "", ...names] = jobPath.split(".");
  const [first = "", ...others] = (JOBS.has(job) ? names : [job, ...names]).map(camelCase);
  const field = specName(first, stage);
  const home = homesOf(stage, job, node).find(([, part]) => Object.hasOwn(part, field));
  return home === undefined ? jobPath : ["stages", index, ...home[0], field, ...others].join(".");
}

type Home = readonly [path: readonly string[], part: object];

/** Where in a stage a field of a job may come from; the first part that has it counts. */
function homesOf(stage: Stage, job: string, node: string): readonly Home[] {
  if (job === "fetch" || job === "read") return sourceOf(stage, node);
  if (stage.kind === "audit") return [[[], stage]];
  const everywhere = [
    [[], stage],
    [["resources"], stage.resources],
  ] as const;
  switch (stage.kind) {
    case "sft":
      return job === "model" ? [[["model"], stage.model], ...everywhere] : everywhere;
    case "mmLongBenchWrite":
      return [[["engine"], stage.engine], ...everywhere];
  }
}

/** What a node fetches or reads, by what follows the name of its stage. */
const SOURCES: Readonly<Record<string, readonly string[]>> = {
  model: ["model"],
  corpus: ["model", "corpus"],
  rows: ["dataset"],
  "gate-rows": ["gate", "dataset"],
  items: ["items"],
};

function sourceOf(stage: Stage, node: string): readonly Home[] {
  const path = SOURCES[(node.split("/")[1] ?? "").replace(/-(fetched|read)$/, "")] ?? [];
  let part: unknown = stage;
  for (const step of path) part = typeof part === "object" && part !== null ? Reflect.get(part, step) : undefined;
  return typeof part === "object" && part !== null ? [[path, part]] : [];
}

/** A job says where things lie; the spec says what they are. */
function specName(field: string, stage: Stage): string {
  if (field === "rowsPath") return "dataset";
  if (field !== "modelPath") return field;
  return stage.kind === "mmLongBenchWrite" && stage.engine.kind === "scripted" ? "script" : "model";
}

function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
