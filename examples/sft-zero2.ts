import { experiment, full, generated, scratch } from "longform";

/**
 * Full fine-tuning on two ranks with DeepSpeed ZeRO 2: optimizer state and gradients are split over the ranks.
 *
 *     longform plan examples/sft-zero2.ts     what would run, and the memory of each rank
 *     longform run  examples/sft-zero2.ts     about half a minute on two processor cores
 *
 * A model of 0.2 million weights learns to describe pages that are drawn from a seed (examples/miniature/world.ts).
 * Nothing but numbers separates it from a model of 7 billion on eight accelerators: name that model with
 * `hub("Qwen/Qwen2.5-VL-7B-Instruct")`, your rows with `shareGpt(…)` or `parquet(…)`, and set `ranksPerNode` to 8.
 * The ranks share each step: 8 examples in all, packed into passes of at most 512 tokens. How many ranks there are and
 * what they split changes no result by more than rounding, so `zero` and `resources` are no part of a stage's identity.
 */
const world = new URL("./miniature/world.ts", import.meta.url);

export default experiment("sft-zero2", (x) => {
  x.sft("sft", {
    model: scratch({
      corpus: generated(world, "shortDecks", { seed: 2, count: 64 }),
      vocabularySize: 512,
      text: { layers: 2, hiddenSize: 64, intermediateSize: 128, heads: 2, keyValueHeads: 2, maxPositions: 512 },
      vision: { layers: 1, hiddenSize: 32, intermediateSize: 64, heads: 2 },
      initializerRange: 0.08,
    }),
    dataset: generated(world, "shortDecks", { seed: 3, count: 96 }),
    visionPolicy: { minPixels: 784, maxPixels: 784, maxImages: 6 },
    maxTokens: 512,
    tuning: full({ frozenParts: [] }),
    steps: 12,
    examplesPerStep: 8,
    tokensPerPass: 512,
    optimizer: { peakLearningRate: 3e-3 },
    precision: "float32",
    gradientCheckpointing: false,
    zero: { stage: 2 },
    resources: { ranksPerNode: 2 },
  });
});
