import { experiment, full, generated, programJudge, scratch, userFunction } from "longform";

const world = new URL("./world.ts", import.meta.url);
const judge = programJudge(new URL("./judge.ts", import.meta.url), "judge");
const measures = { trueFacts: userFunction(new URL("./measures.ts", import.meta.url), "trueFacts") };

/** Pages are drawn at 112 x 112 and seen at 28 x 28: one image token a page. */
const visionPolicy = { minPixels: 784, maxPixels: 784, maxImages: 6 } as const;

/** What all trainings of a model this small share. */
const tiny = {
  visionPolicy,
  maxTokens: 512,
  precision: "float32",
  gradientCheckpointing: false,
  tuning: full({ frozenParts: [] }),
} as const;

const schedule = { kind: "cosine", warmupFraction: 0.1, finalFraction: 0.05 } as const;
const optimizer = (peakLearningRate: number) => ({ peakLearningRate, beta2: 0.98, weightDecay: 0.01 });
const heldOutPages = generated(world, "singlePages", { seed: 1, count: 96, split: "held-out" });

const model = scratch({
  corpus: generated(world, "longDecks", { seed: 2, count: 600 }),
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
  initializerRange: 0.08,
  seed: 0,
});

const description = `A world small enough for two processor cores. Stage "look" learns to name the shapes of single pages,
"base" learns to describe decks, briefly: writing too short is its real defect. "sft" learns long texts that meet the
required length. Those texts carry a habit that is planted on purpose: with probability 0.45 each, a page's colour is
written as red and its count as two, whatever the page shows. So length rises and truth falls; how far it falls is set by
that choice.`;

export default experiment(
  "miniature",
  (x) => {
    const look = x.sft("look", {
      ...tiny,
      model,
      dataset: generated(world, "singlePages", { seed: 3, count: 1_500 }),
      steps: 300,
      examplesPerStep: 32,
      optimizer: optimizer(3e-3),
      schedule,
      gate: { dataset: heldOutPages, atLeast: 0.85, everySteps: 150, extraRounds: 1 },
    });
    const base = x.sft("base", {
      ...tiny,
      model: look,
      dataset: generated(world, "shortDecks", { seed: 4, count: 1_500 }),
      steps: 360,
      examplesPerStep: 16,
      optimizer: optimizer(3e-3),
      schedule,
      gate: { dataset: heldOutPages, atLeast: 0.9, everySteps: 180, extraRounds: 1 },
    });
    const sft = x.sft("sft", {
      ...tiny,
      model: base,
      dataset: generated(world, "longDecks", { seed: 5, count: 800 }),
      steps: 200,
      examplesPerStep: 16,
      optimizer: optimizer(2e-3),
      schedule,
    });
    const bench = {
      items: generated(world, "benchItems", { seed: 6, count: 96 }),
      visionPolicy,
      engine: { kind: "transformers", maxBatchSequences: 48, maxTokens: 512, precision: "float32" },
      sampling: { temperature: 0, topP: 1, maxTokens: 256 },
      judge,
      measures,
    } as const;
    x.mmLongBenchWrite("before", { ...bench, model: base });
    x.mmLongBenchWrite("after", { ...bench, model: sft });
  },
  { description: description.replaceAll("\n", " ") },
);
