import {
  experiment,
  folder,
  generated,
  type JudgeInput,
  type MmLongBenchWriteInput,
  type ModelInput,
  programJudge,
  type SftInput,
  scratch,
  userFunction,
} from "longform";

const world = new URL("./world.ts", import.meta.url);

export const itemCount = 6;
export const samplesPerItem = 2;
/** Optimizer steps of the first training, and between two of its checkpoints. */
export const firstSteps = 18;
export const checkpointEverySteps = 3;

export const judgeNamed = (name: string): JudgeInput => programJudge(world, name);

const visionPolicy = { minPixels: 784, maxPixels: 784, maxImages: 3 } as const;

const model = scratch({
  corpus: generated(world, "rows", { count: 60, sentences: 2 }),
  vocabularySize: 400,
  text: { layers: 2, hiddenSize: 64, intermediateSize: 128, heads: 2, keyValueHeads: 2, maxPositions: 512 },
  vision: { layers: 1, hiddenSize: 32, intermediateSize: 64, heads: 2 },
  initializerRange: 0.08,
  seed: 0,
});

const tiny = {
  visionPolicy,
  maxTokens: 256,
  precision: "float32",
  gradientCheckpointing: false,
  tuning: { kind: "full", frozenParts: [] },
  schedule: { kind: "cosine", warmupFraction: 0.1 },
  optimizer: { peakLearningRate: 3e-3 },
} as const;

const first: SftInput = {
  ...tiny,
  model,
  dataset: generated(world, "rows", { count: 60, sentences: 1 }),
  steps: firstSteps,
  // One row a pass makes a step slow enough to be interrupted.
  examplesPerStep: 12,
  tokensPerPass: 16,
  checkpointEverySteps,
};

const second = (base: ModelInput): SftInput => ({
  ...tiny,
  model: base,
  dataset: generated(world, "rows", { count: 40, sentences: 2 }),
  steps: 6,
  examplesPerStep: 8,
});

type BenchChange = Partial<MmLongBenchWriteInput>;

const bench: Omit<MmLongBenchWriteInput, "model"> = {
  items: generated(world, "items", { count: itemCount, sentences: 2 }),
  visionPolicy,
  engine: { kind: "transformers", maxBatchSequences: 8, maxTokens: 256, precision: "float32" },
  sampling: { temperature: 1, topP: 1, maxTokens: 48 },
  samplesPerItem,
  judge: judgeNamed("judge"),
  measures: { namesColour: userFunction(world, "namesColour") },
};

/** Two trainings and a benchmark, all real. */
export function micro(change: BenchChange = {}) {
  return experiment("micro", (x) => {
    const base = x.sft("first", first);
    const sft = x.sft("second", second(base));
    x.mmLongBenchWrite("bench", { ...bench, model: sft, ...change });
  });
}

/** One training alone. */
export function training(change: Partial<SftInput> = {}) {
  return experiment("training", (x) => {
    x.sft("first", { ...first, ...change });
  });
}

/** A benchmark whose texts come from a script: no model, no torch. */
export function scripted(script: string, change: BenchChange = {}) {
  const engine = { kind: "scripted", script, maxBatchSequences: 2, maxTokens: 256 } as const;
  return experiment("scripted", (x) => {
    x.mmLongBenchWrite("bench", { ...bench, model: folder("."), engine, ...change });
  });
}
