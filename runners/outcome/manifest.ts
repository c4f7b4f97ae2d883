import { platform, release } from "node:os";
import { basename } from "node:path";
import { toJson } from "../../sdk/experiment/canonical-json.js";
import { keptAssumptions } from "../../sdk/presets/preset.js";
import { presetOf } from "../../sdk/presets/index.js";
import { runPaths } from "../../sdk/run-folder/run-paths.js";
import type { Experiment, Stage } from "../../sdk/spec/experiment.js";
import { packageVersion } from "../package-version.js";
import { createFile } from "../store/durable-file.js";

/**
 * Writes `manifest.json`, once for each run: what it was started with and from what. Values that a preset assumes,
 * because nobody has published them, are named one by one. Versions of Python libraries are in its `agent_started`
 * events, which tell of every agent.
 */
export async function writeManifest(runDir: string, experiment: Experiment, specSha256: string): Promise<void> {
  const manifest = {
    format: 1,
    run: basename(runDir),
    experiment: experiment.name,
    specSha256,
    started: new Date().toISOString(),
    versions: { longform: packageVersion, node: process.versions.node, system: `${platform()} ${release()}` },
    stages: experiment.stages.map(stageManifest),
  };
  await createFile(runPaths(runDir).manifest, `${JSON.stringify(toJson(manifest), null, 2)}\n`);
}

function stageManifest(stage: Stage) {
  switch (stage.kind) {
    case "sft": {
      const found = presetOf(stage);
      return {
        stage: stage.name,
        kind: stage.kind,
        seed: stage.seed,
        ...(found === undefined ? {} : { preset: found.name, assumed: keptAssumptions(stage, found.preset) }),
      };
    }
    case "audit":
      return { stage: stage.name, kind: stage.kind };
    case "mmLongBenchWrite":
      return { stage: stage.name, kind: stage.kind, seed: stage.sampling.seed, profile: stage.profile };
  }
}
