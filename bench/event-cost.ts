import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Experiment, experiment, generated, run, scratch } from "longform";
import { type Bench, median, spread } from "./measurement.js";
import { processorSeconds } from "./processor-time.js";

const REPEATS = 3;
const STEPS = 100;
const LIMIT = 0.01;

const world = new URL("../examples/miniature/world.ts", import.meta.url);
const visionPolicy = { minPixels: 784, maxPixels: 784, maxImages: 6 } as const;

/**
 * Processor time of runner and agent over that of the engine, from the first to the last of 100 steps of a training
 * that is watched: every step is framed, sent, stored durably, published and shown.
 */
export const eventCost: Bench = {
  name: "event-cost",
  what: `processor time of the whole event path over that of the engine, on a training of ${STEPS} steps`,
  measure: async (say) => {
    const runs = await mkdtemp(join(tmpdir(), "longform-bench-"));
    try {
      const shares: number[] = [];
      for (let repeat = 0; repeat < REPEATS; repeat += 1) {
        const { path, engine } = await trainOnce(training(repeat), runs);
        shares.push(path / engine);
        say(
          `runner and agent ${path.toFixed(3)} s, engine ${engine.toFixed(2)} s of processor time, ${((1000 * path) / (STEPS - 1)).toFixed(2)} ms a step`,
        );
      }
      say(`share ${spread(shares, 4)}`);
      const ours = median(shares);
      return {
        ours,
        theirs: LIMIT,
        unit: "share of the engine's processor time",
        ratio: ours / LIMIT,
        target: "< 1",
        holds: ours < LIMIT,
        n: REPEATS,
      };
    } finally {
      await rm(runs, { recursive: true });
    }
  },
};

/** The first stage of the miniature experiment, without its gate. A seed of its own keeps it out of the cache. */
function training(seed: number): Experiment {
  return experiment("event-cost", (x) => {
    x.sft("look", {
      model: scratch({
        corpus: generated(world, "longDecks", { seed: 2, count: 200 }),
        vocabularySize: 1_024,
        text: {
          layers: 2,
          hiddenSize: 128,
          intermediateSize: 256,
          heads: 4,
          keyValueHeads: 4,
          ropeTheta: 500,
          maxPositions: 1_024,
        },
        vision: { layers: 1, hiddenSize: 64, intermediateSize: 128, heads: 4 },
      }),
      dataset: generated(world, "singlePages", { seed: 3, count: 300 }),
      visionPolicy,
      maxTokens: 512,
      precision: "float32",
      gradientCheckpointing: false,
      tuning: { kind: "full", frozenParts: [] },
      steps: STEPS,
      examplesPerStep: 32,
      optimizer: { peakLearningRate: 1e-3 },
      seed,
    });
  });
}

/** Processor seconds between the first and the last step. */
async function trainOnce(spec: Experiment, runs: string): Promise<{ path: number; engine: number }> {
  const pids = { runner: 0, agent: 0, engine: 0 };
  const sample = () => ({
    path: (processorSeconds(pids.runner) ?? Number.NaN) + (processorSeconds(pids.agent) ?? Number.NaN),
    engine: processorSeconds(pids.engine) ?? Number.NaN,
  });
  let first = { path: Number.NaN, engine: Number.NaN };
  let last = first;
  const outcome = await run(spec, {
    runs,
    onEvent: ({ event }) => {
      if (event.type === "run_started") pids.runner = event.pid;
      if (event.type === "agent_started") pids.agent = event.pid;
      if (event.type === "phase" && event.stage === "look") pids.engine = event.pid;
      if (event.type !== "step") return;
      if (event.step === 1) first = sample();
      else last = sample();
    },
  });
  if (outcome.state !== "finished")
    throw new Error(`the training ended as ${outcome.state}: ${JSON.stringify(outcome.failure)}`);
  return { path: last.path - first.path, engine: last.engine - first.engine };
}
