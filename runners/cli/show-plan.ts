import { basename, join } from "node:path";
import { freeze } from "../../sdk/client/freeze.js";
import { runsFolder } from "../../sdk/client/submit.js";
import { RunError } from "../../sdk/failure/failure.js";
import { planStages, type SftNode, type StageNode } from "../../sdk/plan/stages.js";
import { planTraining, type TrainingPlan } from "../../sdk/plan/training-plan.js";
import { runPaths } from "../../sdk/run-folder/run-paths.js";
import { Inputs } from "../stages/inputs.js";
import { lookUp } from "../stages/look-up.js";
import { needsOf } from "../stages/stage-kinds.js";
import { BlobStore } from "../store/blobs.js";
import { StageCache } from "../store/stage-cache.js";
import { ExitCode } from "./exit-code.js";
import { withSpec } from "./load-checked.js";
import { ModelShapes } from "./model-shapes.js";
import { type DeviceOptions, plannedDevice } from "./plan-device.js";
import { trainingText } from "./plan-text.js";
import { rowCounts } from "./row-counts.js";
import { textTable } from "./text-table.js";

export interface PlanOptions extends DeviceOptions {
  readonly file: string;
  readonly runs: string | undefined;
  readonly json: boolean;
  /** A config.json for models that nothing else describes. */
  readonly config: string | undefined;
}

/** What would happen to a node. */
interface PlannedStage {
  readonly stage: string;
  readonly kind: string;
  readonly cached: boolean;
  /** Why it would run; empty for a hit. */
  readonly why: string;
  /** What a training will take. */
  readonly plan?: TrainingPlan;
}

/**
 * Prints every stage in order, cached or not and why, and what every training will take. Starts no agent and writes
 * nothing.
 *
 * @throws SpecFileError with every finding; RunError data_refused naming file and row; UsageError for an option.
 */
export async function showPlan({ file, runs, json, config, ...device }: PlanOptions): Promise<number> {
  const planned = plannedDevice(device);
  const { experiment } = await withSpec(file, async (spec) => await freeze(spec.experiment, spec.base));
  const shapes = new ModelShapes(experiment, config);
  const paths = runPaths(join(runsFolder(runs), "planned"));
  const blobs = new BlobStore(paths.blobs);
  const cache = new StageCache(paths.cache, blobs);
  const inputs = new Inputs();
  const stages: PlannedStage[] = [];
  const sections: string[] = [];
  for (const node of planStages(experiment)) {
    const stage = await plan(node, inputs, experiment.name, { blobs, cache });
    if (node.kind !== "sft") {
      stages.push(stage);
      continue;
    }
    const training = await trainingOf(node);
    stages.push({ ...stage, plan: training });
    if (!stage.cached) sections.push("", ...trainingText(node.id, node.spec, training, process.stdout.columns || 100));
  }
  process.stdout.write(
    json
      ? stages.map((stage) => `${JSON.stringify(stage)}\n`).join("")
      : [...planText(basename(file), experiment.name, stages), ...sections, ""].join("\n"),
  );
  return ExitCode.done;

  async function trainingOf(node: SftNode): Promise<TrainingPlan> {
    const { weights } = node;
    const opened = weights.kind === "node" && inputs.has([weights.id]) ? inputs.weightsPath(weights, blobs) : undefined;
    const model = await shapes.of(node.spec.model, opened);
    const rows = await rowCounts(node, model.shape, inputs, blobs);
    return planTraining({ spec: node.spec, model, rows, ...planned });
  }
}

async function plan(
  node: StageNode,
  inputs: Inputs,
  experiment: string,
  store: { readonly blobs: BlobStore; readonly cache: StageCache },
): Promise<PlannedStage> {
  const named = { stage: node.id, kind: node.kind };
  const waitsFor = needsOf(node).filter((need) => !inputs.has([need]));
  if (waitsFor.length > 0) return { ...named, cached: false, why: `waits for ${waitsFor.join(", ")}` };
  try {
    const { hit, why } = await lookUp(node, inputs, experiment, store);
    if (hit === undefined) return { ...named, cached: false, why };
    inputs.set(node.id, hit);
    return { ...named, cached: true, why: "" };
  } catch (error) {
    // A plan is also made where nothing is installed.
    if (!(error instanceof RunError) || error.failure.code !== "environment_missing") throw error;
    return {
      ...named,
      cached: false,
      why: `its environment is not ready (${error.failure.detail ?? "longform setup makes it"})`,
    };
  }
}

function planText(file: string, experiment: string, planned: readonly PlannedStage[]): readonly string[] {
  const toRun = planned.filter(({ cached }) => !cached).length;
  const summary =
    toRun === 0
      ? `all ${planned.length} stages from the cache: a run computes nothing`
      : `${toRun} of ${planned.length} stages to run, ${planned.length - toRun} from the cache`;
  const rows = planned.map(({ stage, kind, cached, why }, index) => [
    `${index + 1}`,
    stage,
    kind,
    cached ? "cached" : `run: ${why}`,
  ]);
  return [`${file}: ${experiment}`, ...textTable(["", "stage", "kind", ""], rows, [1, 2, 3]), summary];
}
