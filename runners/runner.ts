import { join } from "node:path";
import { toJson } from "../sdk/experiment/canonical-json.js";
import { planStages } from "../sdk/plan/stages.js";
import type { Experiment } from "../sdk/spec/experiment.js";
import { publishResults } from "./outcome/publish-results.js";
import type { StageContext } from "./stages/context.js";
import { Inputs } from "./stages/inputs.js";
import { lookUp } from "./stages/look-up.js";
import { refsOf } from "./stages/results.js";
import { runNode } from "./stages/stage-kinds.js";

/** What the nodes of a run share. */
export type RunContext = Omit<StageContext, "inputs" | "key" | "partial" | "folder" | "emit">;

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
  for (const node of planStages(experiment)) {
    signal.throwIfAborted();
    onStage(node.id);
    const { key, parts, hit, partial, why } = await lookUp(node, inputs, experiment.name, store);
    if (hit !== undefined) {
      inputs.set(node.id, hit);
      await store.append({ type: "stage_cached", stage: node.id, kind: node.kind, key });
      continue;
    }
    const started = performance.now();
    await store.append({ type: "stage_started", stage: node.id, kind: node.kind, key, why });
    const folder = join(store.runDir, "stages", node.id);
    const emit = async (event: Parameters<typeof store.append>[0]) => void (await store.append(event));
    const result = await runNode(node, { ...context, inputs, key, partial, folder, emit });
    await store.cache.put({
      key,
      kind: node.kind,
      stage: node.id,
      experiment: experiment.name,
      parts,
      result: toJson(result),
      refs: refsOf(result),
    });
    inputs.set(node.id, result);
    await store.append({
      type: "stage_finished",
      stage: node.id,
      kind: node.kind,
      key,
      seconds: (performance.now() - started) / 1000,
    });
  }
  await publishResults(experiment, inputs, store);
}
