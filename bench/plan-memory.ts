import { z } from "zod";
import { memoryByCause, memoryUncertainty, totalBytes } from "../sdk/plan/memory.js";
import { shapeOfConfig } from "../sdk/plan/model-shape.js";
import { tuneParameters } from "../sdk/plan/parameters.js";
import { type Bench, median, spread } from "./measurement.js";
import { pythonProgram } from "./python-program.js";

const REPEATS = 3;

/** Two models of some million parameters: one keeps everything for the backward pass, the other recomputes. */
const models = [
  { layers: 6, hidden: 512, intermediate: 1_536, gradientCheckpointing: false, headChunkTokens: 256 },
  { layers: 16, hidden: 512, intermediate: 1_024, gradientCheckpointing: true, headChunkTokens: 256 },
] as const;

const Measured = z.object({
  peakBytes: z.number(),
  config: z.unknown(),
  passTokens: z.number(),
  passPatches: z.number(),
});

/** The plan's memory of a training, without runtime, over the peak that three steps of it have above what libraries hold. */
export const planMemory: Bench = {
  name: "plan-memory",
  what: `memory that the plan of a training states over the measured peak, two models on processors, within ${100 * memoryUncertainty} %`,
  measure: async (say) => {
    const sides: { ours: number; theirs: number }[] = [];
    for (const model of models) sides.push(await bothSides(model, say));
    const error = ({ ours, theirs }: { ours: number; theirs: number }) => Math.abs(ours / theirs - 1);
    const [worst = { ours: Number.NaN, theirs: Number.NaN }] = sides.toSorted(
      (one, other) => error(other) - error(one),
    );
    const [low, high] = [1 - memoryUncertainty, 1 + memoryUncertainty];
    const ratio = worst.ours / worst.theirs;
    return {
      ...worst,
      unit: "MB",
      ratio,
      target: `${low} to ${high}`,
      holds: ratio >= low && ratio <= high,
      n: REPEATS,
    };
  },
};

async function bothSides(model: (typeof models)[number], say: (line: string) => void) {
  const { layers, hidden, intermediate, gradientCheckpointing, headChunkTokens } = model;
  const args = [layers, hidden, intermediate, gradientCheckpointing ? 1 : 0, headChunkTokens].map(String);
  const measured: z.output<typeof Measured>[] = [];
  for (let repeat = 0; repeat < REPEATS; repeat += 1)
    measured.push(Measured.parse(await pythonProgram("plan_memory", args)));
  const [first] = measured;
  const shape = shapeOfConfig(first?.config);
  if (first === undefined || shape === null) throw new Error("the model's config is of no known family");
  const causes = memoryByCause({
    shape,
    tuned: tuneParameters(shape, { kind: "full", frozenParts: [] }),
    zero: { stage: 0, offloadOptimizer: false, offloadParameters: false },
    precision: "float32",
    gradientCheckpointing,
    headChunkTokens,
    ranks: 1,
    passTokens: first.passTokens,
    passPatches: first.passPatches,
    runtimeBytes: 0,
  });
  const peaks = measured.map(({ peakBytes }) => peakBytes / 1e6);
  const planned = totalBytes({ ...causes }) / 1e6;
  const recomputes = gradientCheckpointing ? "recomputing" : "keeping everything";
  say(
    `${layers} layers of width ${hidden}, ${recomputes}, ${first.passTokens} tokens and ${first.passPatches} patches a pass`,
  );
  const named = Object.entries(causes).filter(([, bytes]) => bytes > 0);
  say(
    `  planned ${planned.toFixed(0)} MB: ${named.map(([cause, bytes]) => `${cause} ${(bytes / 1e6).toFixed(0)}`).join(", ")}`,
  );
  say(`  measured ${spread(peaks, 0)} MB, ratio ${(planned / median(peaks)).toFixed(3)}`);
  return { ours: planned, theirs: median(peaks) };
}
