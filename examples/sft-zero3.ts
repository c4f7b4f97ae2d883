import { experiment, full, generated, scratch } from "longform";

/**
 * Full fine-tuning on two ranks with DeepSpeed ZeRO 3 in bfloat16: weights are split over the ranks as well, and
 * gathered layer by layer when they are needed. This is what fits a model that no single accelerator can hold.
 *
 *     longform plan examples/sft-zero3.ts     what would run, and the memory of each rank
 *     longform run  examples/sft-zero3.ts     about half a minute on two processor cores
 *
 * The weights that are trained on are bfloat16; each rank keeps float32 masters of its share for the optimizer.
 * With little device memory, `zero: { stage: 3, offloadOptimizer: true, offloadParameters: true }` keeps those shares
 * in the host's. Checkpoints hold whole weights and moments by name: a training may go on with another number of ranks.
 */
const world = new URL("./miniature/world.ts", import.meta.url);

export default experiment("sft-zero3", (x) => {
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
    precision: "bfloat16",
    gradientCheckpointing: true,
    checkpointEverySteps: 6,
    zero: { stage: 3 },
    resources: { ranksPerNode: 2 },
  });
});
