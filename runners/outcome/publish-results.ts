import { canonicalJson, toJson } from "../../sdk/experiment/canonical-json.js";
import { planStages } from "../../sdk/plan/stages.js";
import { renderReport } from "../../sdk/report/index.js";
import { BenchResult, type RunResults, type TrainingResult } from "../../sdk/run-folder/results.js";
import { readReport } from "../../sdk/run-folder/read-report.js";
import { runPaths } from "../../sdk/run-folder/run-paths.js";
import type { Experiment } from "../../sdk/spec/experiment.js";
import type { Inputs } from "../stages/inputs.js";
import { replaceFile } from "../store/durable-file.js";
import type { RunStore } from "../store/run-store.js";

/** Writes `results.json` and `report.html` of a run; equal results give equal bytes. */
export async function publishResults(experiment: Experiment, inputs: Inputs, store: RunStore): Promise<void> {
  const trainings: TrainingResult[] = [];
  const benches: BenchResult[] = [];
  for (const node of planStages(experiment)) {
    if (node.kind === "sft") {
      const { folder, weightsSha256, training } = inputs.model(node.id);
      if (training !== undefined) trainings.push({ ...training, stage: node.id, weightsSha256, folder: folder.tree });
    }
    if (node.kind === "score")
      benches.push(BenchResult.parse(JSON.parse(await store.blobs.readText(inputs.scores(node.id).file))));
  }
  const results: RunResults = { format: 1, experiment: experiment.name, trainings, benches };
  const paths = runPaths(store.runDir);
  await replaceFile(paths.results, `${canonicalJson(toJson(results))}\n`);
  await replaceFile(paths.report, renderReport(await readReport(store.runDir)));
}
