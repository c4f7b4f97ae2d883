import { expect, test } from "vitest";
import { catalogueNames, catalogueShape } from "../../sdk/plan/model-catalogue.js";
import { shapeOfConfig } from "../../sdk/plan/model-shape.js";
import { countParameters, tuneParameters } from "../../sdk/plan/parameters.js";
import { full, lora, Tuning } from "../../sdk/spec/tuning.js";
import { shapeOf } from "./shapes.js";

/** Counted on models of transformers 5 without weights: vision, merger, embeddings, blocks, head. */
const counted: readonly (readonly [string, number, number, number, number, number])[] = [
  ["Qwen2-VL-2B", 631_183_360, 34_087_936, 233_373_696, 1_310_340_608, 0],
  ["Qwen2-VL-7B", 631_183_360, 44_575_744, 544_997_376, 6_525_621_760, 544_997_376],
  ["Qwen2-VL-72B", 631_183_360, 68_173_312, 1_245_708_288, 70_214_787_072, 1_245_708_288],
  ["Qwen2.5-VL-3B", 631_975_680, 36_708_608, 311_164_928, 2_774_773_760, 0],
  ["Qwen2.5-VL-7B", 631_975_680, 44_574_464, 544_997_376, 6_525_621_760, 544_997_376],
  ["Qwen2.5-VL-32B", 636_401_664, 52_440_320, 778_567_680, 31_206_740_992, 778_567_680],
  ["Qwen2.5-VL-72B", 636_401_664, 68_172_032, 1_245_708_288, 70_214_787_072, 1_245_708_288],
  ["Qwen3-VL-2B", 306_242_560, 100_714_496, 311_164_928, 1_409_410_048, 0],
  ["Qwen3-VL-4B", 306_242_560, 109_105_152, 388_956_160, 3_633_511_936, 0],
  ["Qwen3-VL-8B", 415_891_440, 160_496_896, 622_329_856, 6_946_075_648, 622_329_856],
  ["Qwen3-VL-32B", 415_891_440, 179_375_360, 777_912_320, 31_206_298_624, 777_912_320],
];

test.each(counted)("%s has exactly the parameters that its model has", (name, ...towers) => {
  const { total, ...found } = countParameters(shapeOf(name));
  expect(Object.values(found)).toEqual(towers);
  expect(total).toBe(towers.reduce((sum, count) => sum + count, 0));
});

test("every model of the catalogue is in that table", () => {
  expect(catalogueNames).toEqual(counted.map(([name]) => `Qwen/${name}-Instruct`));
});

test("the printed totals of the Qwen2.5-VL models come out to the last digit", () => {
  const totals = ["3B", "7B", "32B", "72B"].map((size) => countParameters(shapeOf(`Qwen2.5-VL-${size}`)).total);
  expect(totals.map((total) => (total / 1e9).toFixed(3))).toEqual(["3.755", "8.292", "33.453", "73.411"]);
});

test("a trained model has the shape of what it was trained from", () => {
  expect(catalogueShape("THU-KEG/LongWriter-V-7B")).toEqual(shapeOf("Qwen2.5-VL-7B"));
  expect(catalogueShape("nobody/nothing")).toBeUndefined();
});

const vision = {
  model_type: "qwen2_5_vl",
  depth: 32,
  hidden_size: 1_280,
  intermediate_size: 3_420,
  patch_size: 14,
  window_size: 112,
  fullatt_block_indexes: [7, 15, 23, 31],
};
const text = {
  hidden_size: 3_584,
  intermediate_size: 18_944,
  num_attention_heads: 28,
  num_hidden_layers: 28,
  num_key_value_heads: 4,
  vocab_size: 152_064,
  max_position_embeddings: 128_000,
};

test("a config.json gives the shape of the catalogue, nested as today or flat as it was released", () => {
  const nested = { model_type: "qwen2_5_vl", tie_word_embeddings: false, text_config: text, vision_config: vision };
  const flat = { model_type: "qwen2_5_vl", tie_word_embeddings: false, ...text, vision_config: vision };
  expect(shapeOfConfig(nested)).toEqual(shapeOf("Qwen2.5-VL-7B"));
  expect(shapeOfConfig(flat)).toEqual(shapeOf("Qwen2.5-VL-7B"));
});

test("a config.json of another family has no shape", () => {
  expect(shapeOfConfig({ model_type: "llava", ...text, vision_config: vision })).toBeNull();
  expect(shapeOfConfig("not a config")).toBeNull();
});

test("frozen vision and merger leave the language model with embeddings and head", () => {
  const tuned = tuneParameters(shapeOf("Qwen2.5-VL-7B"), Tuning.parse(full()));
  expect(tuned).toMatchObject({ trained: 7_615_616_512, frozen: 676_550_144, trainedParts: ["language"] });
});

test("adapters are counted by target, and no layers of a target is an answer too", () => {
  const targets = ["language", "vision", "merger"] as const;
  const shape = shapeOf("Qwen2.5-VL-7B");
  const all = tuneParameters(shape, Tuning.parse(lora({ rank: 8, targets: [...targets] })));
  expect(all.adapters).toEqual([
    { target: "language", modules: 196, parameters: 20_185_088 },
    { target: "vision", modules: 160, parameters: 32 * 8 * (5_120 + 2_560 + 3 * 4_700) },
    { target: "merger", modules: 2, parameters: 8 * (5_120 + 5_120 + 5_120 + 3_584) },
  ]);
  expect(all).toMatchObject({ frozen: 8_292_166_656, trainedParts: [] });
  const attention = tuneParameters(shape, Tuning.parse(lora({ rank: 8, targets: [...targets], layers: "attention" })));
  expect(attention.adapters.map(({ modules }) => modules)).toEqual([112, 64, 0]);
});
