import { resolve } from "node:path";
import type { Likeness } from "../../sdk/experiment/rehearsal.js";
import { RunError } from "../../sdk/failure/failure.js";
import type { Experiment, Stage } from "../../sdk/spec/experiment.js";
import { ModelShapes } from "./model-shapes.js";

/** What tiny models have to be like, and what of it nobody has said. */
export interface Likenesses {
  readonly byStage: ReadonlyMap<string, Likeness>;
  readonly assumed: readonly string[];
}

/** Qwen3-VL alone has patches of 16 pixels, merged two by two. */
const QWEN3_GRID = 32;

/**
 * What the models of an experiment are like, by config.json, the local cache of the hub, or the catalogue.
 *
 * @param base Folder that relative paths in it start from.
 * @throws RunError model_refused when a folder holds no model of a known family.
 */
export async function likenessesOf(experiment: Experiment, base: string): Promise<Likenesses> {
  const shapes = new ModelShapes(experiment, undefined);
  const byStage = new Map<string, Likeness>();
  const assumed: string[] = [];
  for (const stage of experiment.stages) {
    const { model } = stage;
    if (model.kind !== "folder" && model.kind !== "hub") continue;
    if (stage.kind === "mmLongBenchWrite" && stage.engine.kind === "scripted") continue;
    const placed = model.kind === "folder" ? { ...model, path: resolve(base, model.path) } : model;
    const { shape } = await shapes.of(placed, undefined);
    if (shape !== null) {
      const { family: architecture, vision } = shape;
      byStage.set(stage.name, { architecture, patchSize: vision.patch, mergeSize: vision.merge });
      continue;
    }
    if (placed.kind === "folder")
      throw new RunError({
        code: "model_refused",
        facts: {
          file: placed.path,
          found: "no config.json of a known family",
          expected: "a config.json whose model_type is qwen2_vl, qwen2_5_vl or qwen3_vl",
        },
      });
    const likeness = byGrid(stage);
    byStage.set(stage.name, likeness);
    assumed.push(
      `that ${placed.repository} is a ${likeness.architecture}, by the gridMultiple ${stage.visionPolicy.gridMultiple} of ${stage.name}: neither the catalogue nor the local cache knows it`,
    );
  }
  return { byStage, assumed };
}

function byGrid({ visionPolicy }: Stage): Likeness {
  return visionPolicy.gridMultiple % QWEN3_GRID === 0
    ? { architecture: "qwen3_vl", patchSize: 16, mergeSize: 2 }
    : { architecture: "qwen2_5_vl", patchSize: 14, mergeSize: 2 };
}
