import { experiment, generated, lora, scratch } from "longform";

/**
 * LoRA: low-rank adapters beside the linear layers of the language model and the merger; all other weights stay as
 * they are. At the end the adapters are merged, so that the result is a model folder like any other.
 *
 *     longform plan examples/sft-lora.ts      how many layers each target hits, and how many weights move
 *     longform run  examples/sft-lora.ts      about half a minute on one processor core
 *
 * Adapters are for models that know something already, and they move little in few steps. A model with random weights,
 * as here, needs a high rank and a high learning rate to show that its loss falls. For a real one leave rank (16),
 * alpha (32) and targets (the language model) at their defaults and take a learning rate of 1e-4.
 */
const world = new URL("./miniature/world.ts", import.meta.url);

export default experiment("sft-lora", (x) => {
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
    tuning: lora({ rank: 16, alpha: 32, targets: ["language", "merger"] }),
    steps: 16,
    examplesPerStep: 8,
    tokensPerPass: 1_024,
    optimizer: { peakLearningRate: 1e-2 },
    precision: "float32",
    gradientCheckpointing: false,
  });
});
