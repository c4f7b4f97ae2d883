import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Experiment, experiment, folder, full, records, run } from "longform";
import { z } from "zod";
import { environmentPython } from "#environments";
import { type Bench, median, spread } from "./measurement.js";
import { processorSeconds } from "./processor-time.js";
import { benchVariables, pythonProgram } from "./python-program.js";

const REPEATS = 3;
const STEPS = 24;
const LIMIT = 1.01;

/** One training, from its first step to its last. */
interface Trained {
  readonly processorMs: number;
  readonly wallMs: number;
  /** From the start of the engine, before any import, to its first step. */
  readonly firstStepSeconds: number;
  readonly weightsSha256: string;
}

const BareFrame = z.object({
  type: z.string(),
  step: z.number().optional(),
  trained: z.object({ weights_sha256: z.string() }).optional(),
});

/**
 * A step of a training through runner, agent and engine over a step of the same training by the engine alone: the same
 * rows, the same settings, the same weights at the end. Processor time counts runner, agent and engine.
 */
export const stepOverhead: Bench = {
  name: "step-overhead",
  what: `time of a training's step through runner, agent and engine over the engine run bare, ${STEPS} steps`,
  measure: async (say) => {
    const world = await mkdtemp(join(tmpdir(), "longform-bench-"));
    try {
      await pythonProgram("bench_world", [world]);
      const [ours, bare]: [Trained[], Trained[]] = [[], []];
      for (let repeat = 0; repeat < REPEATS; repeat += 1) {
        bare.push(await trainBare(world));
        ours.push(await trainThrough(world, repeat));
      }
      const weights = new Set([...ours, ...bare].map(({ weightsSha256 }) => weightsSha256));
      if (weights.size !== 1) throw new Error(`not the same training: ${weights.size} different weights at the end`);
      for (const [name, side] of [
        ["bare", bare],
        ["through", ours],
      ] as const) {
        say(
          `${name.padEnd(8)} ${spread(
            side.map(({ processorMs }) => processorMs),
            1,
          )} ms of processor time a step`,
        );
        say(
          `${name.padEnd(8)} ${spread(
            side.map(({ wallMs }) => wallMs),
            1,
          )} ms a step`,
        );
        say(
          `${name.padEnd(8)} ${spread(
            side.map(({ firstStepSeconds }) => firstStepSeconds),
            1,
          )} s from start to first step`,
        );
      }
      const middle = (side: readonly Trained[], value: (trained: Trained) => number) => median(side.map(value));
      const wallRatio = middle(ours, ({ wallMs }) => wallMs) / middle(bare, ({ wallMs }) => wallMs);
      say(`ratio of the time on the clock ${wallRatio.toFixed(3)}, which other work on the machine moves`);
      const sides = {
        ours: middle(ours, ({ processorMs }) => processorMs),
        theirs: middle(bare, ({ processorMs }) => processorMs),
      };
      const ratio = sides.ours / sides.theirs;
      const unit = "ms of processor time a step";
      return { ...sides, unit, ratio, target: `<= ${LIMIT}`, holds: ratio <= LIMIT, n: REPEATS };
    } finally {
      await rm(world, { recursive: true });
    }
  },
};

/** The settings of python-worker/benches/bench_world.py. */
function training(world: string): Experiment {
  return experiment("step-overhead", (x) => {
    x.sft("sft", {
      model: folder(join(world, "model")),
      dataset: records(join(world, "rows.source.jsonl")),
      visionPolicy: { minPixels: 784, maxPixels: 4 * 784, maxImages: 4 },
      maxTokens: 256,
      steps: STEPS,
      examplesPerStep: 32,
      tokensPerPass: 2_048,
      optimizer: { peakLearningRate: 3e-3, beta2: 0.98, weightDecay: 0.01 },
      schedule: { kind: "cosine", warmupFraction: 0.1, finalFraction: 0.05 },
      tuning: full({ frozenParts: [] }),
      precision: "float32",
      gradientCheckpointing: false,
      headChunkTokens: 64,
      seed: 7,
    });
  });
}

/** Takes the time and the processor time of its processes at the first and the last step. */
class StepClock {
  private first = { wall: Number.NaN, processor: Number.NaN };
  private last = this.first;
  private started = Number.NaN;
  private readonly pids: () => readonly number[];

  constructor(pids: () => readonly number[]) {
    this.pids = pids;
  }

  start() {
    this.started = performance.now();
  }

  step(step: number) {
    const processor = this.pids().reduce((sum, pid) => sum + (processorSeconds(pid) ?? Number.NaN), 0);
    this.last = { wall: performance.now(), processor };
    if (step === 1) this.first = this.last;
  }

  trained(weightsSha256: string): Trained {
    return {
      processorMs: (1_000 * (this.last.processor - this.first.processor)) / (STEPS - 1),
      wallMs: (this.last.wall - this.first.wall) / (STEPS - 1),
      firstStepSeconds: (this.first.wall - this.started) / 1_000,
      weightsSha256,
    };
  }
}

async function trainBare(world: string): Promise<Trained> {
  await rm(join(world, "bare"), { recursive: true, force: true });
  const engine = spawn(environmentPython("train"), ["-m", "longform_worker.engines.train", join(world, "bare.json")], {
    env: { ...process.env, ...benchVariables },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const closed = once(engine, "close");
  const clock = new StepClock(() => [engine.pid ?? 0]);
  clock.start();
  let weights = "";
  for await (const line of createInterface({ input: engine.stdout })) {
    const frame = BareFrame.safeParse(readJson(line)).data;
    if (frame?.step !== undefined && frame.type === "step") clock.step(frame.step);
    weights = frame?.trained?.weights_sha256 ?? weights;
  }
  await closed;
  if (weights === "") throw new Error(`the bare training ended with ${engine.exitCode}`);
  return clock.trained(weights);
}

/** Undefined for a line that a library printed. */
function readJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

async function trainThrough(world: string, repeat: number): Promise<Trained> {
  const pids = { runner: 0, agent: 0, engine: 0 };
  const clock = new StepClock(() => Object.values(pids));
  // Folders of their own, so that no repeat finds the result of the one before.
  const outcome = await run(training(world), {
    runs: join(world, `runs-${repeat}`),
    onEvent: ({ event }) => {
      if (event.type === "run_started") pids.runner = event.pid;
      if (event.type === "agent_started") pids.agent = event.pid;
      if (event.type === "phase" && event.stage === "sft") {
        if (event.pid !== pids.engine) clock.start();
        pids.engine = event.pid;
      }
      if (event.type === "step") clock.step(event.step);
    },
  });
  if (outcome.state !== "finished")
    throw new Error(`the training ended as ${outcome.state}: ${JSON.stringify(outcome.failure)}`);
  return clock.trained(outcome.results?.trainings[0]?.weightsSha256 ?? "");
}
