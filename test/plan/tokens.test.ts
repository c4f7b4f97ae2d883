import { type DatasetInput, hubDataset, longWriterV22k, records } from "longform";
import { expect, test } from "vitest";
import {
  auditedRows,
  imageTokensOf,
  importedRows,
  mostTokensPerImage,
  publishedRows,
  type RowRules,
} from "../../sdk/plan/tokens.js";
import { Dataset } from "../../sdk/spec/dataset.js";
import { VisionPolicy, type VisionPolicyInput } from "../../sdk/spec/vision-policy.js";
import { shapeOf } from "./shapes.js";

const seven = shapeOf("Qwen2.5-VL-7B");
const policy = (input: VisionPolicyInput) => VisionPolicy.parse(input);
const rules = (dataset: DatasetInput, limits: Partial<Omit<RowRules, "dataset">> = {}): RowRules => ({
  dataset: Dataset.parse(dataset),
  visionPolicy: square,
  maxTokens: 32_768,
  tooLong: "refuse",
  ...limits,
});
const square = policy({ resize: "square", minPixels: 78_400, maxPixels: 78_400 });

test("an image of 280 x 280 pixels is 100 tokens, one under a cap of 262,144 pixels at most 334", () => {
  expect(mostTokensPerImage(square, seven)).toBe(100);
  expect(mostTokensPerImage(policy({}), seven)).toBe(334);
  expect(mostTokensPerImage(policy({ gridMultiple: 32 }), shapeOf("Qwen3-VL-8B"))).toBe(256);
});

test("an image on the grid has the tokens that its processor gives it", () => {
  expect(imageTokensOf(1_288, 728, seven)).toBe(46 * 26);
  expect(imageTokensOf(280, 280, seven)).toBe(100);
});

test("audited rows are counted exactly, the square of each row by itself", () => {
  const rows = auditedRows(
    [
      { tokens: 100, imageTokens: 40, targetTokens: 30, images: 2 },
      { tokens: 300, imageTokens: 0, targetTokens: 200, images: 0 },
    ],
    1,
  );
  expect(rows).toMatchObject({
    level: "audited",
    rows: 2,
    images: 2,
    tokens: 400,
    imageTokens: 40,
    targetTokens: 230,
    longestRowTokens: 300,
    mostImageTokens: 40,
    mostImages: 2,
    refused: 1,
    squaredTokens: 100_000,
    assumed: [],
  });
});

test("imported rows have their own images, and words stand for tokens", () => {
  const rows = importedRows(
    [
      {
        prompt: "Describe both pages.",
        target: "word ".repeat(100),
        images: [
          { width: 280, height: 280 },
          { width: 56, height: 28 },
        ],
      },
    ],
    rules(records("rows.jsonl")),
    seven,
  );
  expect(rows).toMatchObject({ level: "estimated", rows: 1, images: 2, imageTokens: 102, targetTokens: 132 });
  expect(rows.assumed.map(({ field }) => field)).toEqual(["tokens per word"]);
});

test("imported rows that are too long are left out, shortened or still there, as the training has it", () => {
  const rows = [1, 1_000].map((words) => ({ prompt: "", target: "word ".repeat(words), images: [] }));
  const counted = (tooLong: RowRules["tooLong"]) =>
    importedRows(rows, rules(records("rows.jsonl"), { maxTokens: 500, tooLong }), seven);
  expect(counted("refuse")).toMatchObject({ rows: 2, tokens: 34 + 1_332, longestRowTokens: 1_332 });
  expect(counted("drop")).toMatchObject({ rows: 1, tokens: 34, longestRowTokens: 1_332 });
  expect(counted("cap")).toMatchObject({ rows: 2, tokens: 34 + 500, longestRowTokens: 1_332 });
});

test("published rows have no more images than are let through, and never more tokens on average than the longest", () => {
  const large = policy({ maxImages: 2, maxPixels: 12_845_056, minPixels: 3_136 });
  const few = publishedRows(rules(longWriterV22k(), { visionPolicy: large }), seven);
  expect(few?.mostImages).toBe(30);
  expect((few?.images ?? 0) / 19_378).toBeCloseTo((8_115 + 2 * (22_158 - 8_115)) / 22_158, 3);
  expect((few?.tokens ?? 0) / 19_378).toBeLessThan(few?.longestRowTokens ?? 0);
});

test("published rows that are too long are neither counted nor trained on where they are dropped", () => {
  const all = publishedRows(rules(longWriterV22k()), seven);
  const kept = publishedRows(rules(longWriterV22k(), { maxTokens: 3_500, tooLong: "drop" }), seven);
  // Up to six images of 102 tokens stand beside 2,878 of text.
  const decks = (5 * 7_730) / 29;
  expect(kept?.rows).toBe(Math.round((19_378 * (8_115 + 6_313 + decks)) / 22_158));
  expect((kept?.tokens ?? 0) / (kept?.rows ?? 1)).toBeLessThan(3_500);
  expect(kept?.longestRowTokens).toBe(all?.longestRowTokens);
});

test("the published dataset is known by its statistics, its limit and its aliases in other letters", () => {
  const all = publishedRows(rules(longWriterV22k()), seven);
  expect(all).toMatchObject({ level: "estimated", rows: 19_378 });
  expect((all?.targetTokens ?? 0) / 19_378).toBeCloseTo(1.3 * 2_037, 0);
  const limited = publishedRows(rules({ ...longWriterV22k(), limit: 10_000 }), seven);
  expect(limited?.rows).toBe(10_000);
  expect(publishedRows(rules(hubDataset("thu-keg/longwriter-v-22k")), seven)?.rows).toBe(19_378);
  // Ten thousand words and thirty images.
  expect(limited?.longestRowTokens).toBeGreaterThan(13_000 + 30 * 100);
  expect(limited?.longestRowTokens).toBeLessThan(17_000);
});

test("other datasets are not guessed at", () => {
  expect(publishedRows(rules(records("rows.jsonl")), seven)).toBeUndefined();
  expect(publishedRows(rules(hubDataset("somebody/rows")), seven)).toBeUndefined();
});
