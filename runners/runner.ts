import { rm } from "node:fs/promises";
import { join } from "node:path";
import { toJson } from "../sdk/experiment/canonical-json.js";
import { planStages, type StageNode } from "../sdk/plan/stages.js";
import { runPaths } from "../sdk/run-folder/run-paths.js";
import type { Experiment } from "../sdk/spec/experiment.js";
import { publishResults } from "./outcome/publish-results.js";
import { refuseRows } from "./stages/audit.js";
import type { StageContext } from "./stages/context.js";
import { Inputs } from "./stages/inputs.js";
import { type LookUp, lookUp } from "./stages/look-up.js";
import { checkModelFolder } from "./stages/model-folder.js";
import { refsOf, type StageResult } from "./stages/results.js";
import { namingSpec } from "./stages/spec-path.js";
import { runNode } from "./stages/stage-kinds.js";

/** What the nodes of a run share. */
export type RunContext = Omit<StageContext, "inputs" | "key" | "partial" | "logs" | "folder" | "emit">;

/**
 * THE MAIN PATH: every node of the plan in order, out of the cache or by its stage, then the results.
 *
 * @throws RunError of the node that failed; everything finished before it stays in the cache.
 */
export async function runExperiment(
  experiment: Experiment,
  context: RunContext,
  onStage: (id: string) => void,
): Promise<void> {
  const { store, signal } = context;
  const inputs = new Inputs();
  const nodes = planStages(experiment);
  await checkModelFolders(nodes, onStage);
  for (const node of nodes) {
    signal.throwIfAborted();
    onStage(node.id);
    const found = await lookUp(node, inputs, experiment.name, store);
    const { key, hit } = found;
    if (hit === undefined) inputs.set(node.id, await compute(node, found, experiment, { ...context, inputs }));
    else {
      inputs.set(node.id, hit);
      await store.append({ type: "stage_cached", stage: node.id, kind: node.kind, key });
    }
    if (node.kind === "audit" && node.training) await refuseRows(node, inputs.audit(node.id), store.blobs);
    // The result is stored: checkpoints and unfinished files, under whatever key, are of no use any more. What cannot
    // be removed takes room and does no other harm: no reason to fail a run.
    await rm(workOf(store.runDir, node), { recursive: true, force: true }).catch(() => undefined);
  }
  await publishResults(experiment, inputs, store);
}

/** Runs the stage of a node and puts what it gives into the cache. */
async function compute(
  node: StageNode,
  { key, parts, partial, why }: LookUp,
  experiment: Experiment,
  context: RunContext & Pick<StageContext, "inputs">,
): Promise<StageResult> {
  const { store } = context;
  const started = performance.now();
  await store.append({ type: "stage_started", stage: node.id, kind: node.kind, key, why });
  const result = await runNode(node, {
    ...context,
    key,
    partial,
    logs: join(runPaths(store.runDir).stages, node.id, "logs"),
    // By key: what was begun from other contents or settings is never taken up.
    folder: join(workOf(store.runDir, node), key.slice(0, 12)),
    emit: async (event) => void (await store.append(event)),
  }).catch((error: unknown) => {
    throw namingSpec(error, node.id, experiment);
  });
  await store.cache.put({
    key,
    kind: node.kind,
    stage: node.id,
    experiment: experiment.name,
    parts,
    result: toJson(result),
    refs: refsOf(result),
  });
  const seconds = (performance.now() - started) / 1000;
  await store.append({ type: "stage_finished", stage: node.id, kind: node.kind, key, seconds });
  return result;
}

/** A folder that is no model ends a run before any row is read. */
async function checkModelFolders(nodes: readonly StageNode[], onStage: (id: string) => void): Promise<void> {
  for (const node of nodes) {
    if (!("weights" in node) || node.weights.kind !== "folder") continue;
    onStage(node.id);
    await checkModelFolder(node.weights.path);
  }
}

/** What a node has begun, by key. */
function workOf(runDir: string, { id }: StageNode): string {
  return join(runPaths(runDir).stages, id, "work");
}
