import { hubDataset, longWriterV22k, records } from "longform";
import { expect, test } from "vitest";
import { auditedRows, imageTokensOf, importedRows, mostTokensPerImage, publishedRows } from "../../sdk/plan/tokens.js";
import { Dataset } from "../../sdk/spec/dataset.js";
import { VisionPolicy, type VisionPolicyInput } from "../../sdk/spec/vision-policy.js";
import { shapeOf } from "./shapes.js";

const seven = shapeOf("Qwen2.5-VL-7B");
const policy = (input: VisionPolicyInput) => VisionPolicy.parse(input);
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
  const rows = auditedRows([
    { tokens: 100, imageTokens: 40, targetTokens: 30, images: 2 },
    { tokens: 300, imageTokens: 0, targetTokens: 200, images: 0 },
  ]);
  expect(rows).toMatchObject({
    level: "audited",
    rows: 2,
    images: 2,
    tokens: 400,
    imageTokens: 40,
    targetTokens: 230,
    longestRowTokens: 300,
    mostImageTokens: 40,
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
    seven,
  );
  expect(rows).toMatchObject({ level: "estimated", rows: 1, images: 2, imageTokens: 102, targetTokens: 132 });
  expect(rows.assumed.map(({ field }) => field)).toEqual(["tokens per word"]);
});

test("the published dataset is known by its statistics, its limit and its aliases in other letters", () => {
  const all = publishedRows(Dataset.parse(longWriterV22k()), square, seven);
  expect(all).toMatchObject({ level: "estimated", rows: 19_378 });
  expect((all?.targetTokens ?? 0) / 19_378).toBeCloseTo(1.3 * 2_037, 0);
  const limited = publishedRows(Dataset.parse({ ...longWriterV22k(), limit: 10_000 }), square, seven);
  expect(limited?.rows).toBe(10_000);
  expect(publishedRows(Dataset.parse(hubDataset("thu-keg/longwriter-v-22k")), square, seven)?.rows).toBe(19_378);
  // Ten thousand words and thirty images.
  expect(limited?.longestRowTokens).toBeGreaterThan(13_000 + 30 * 100);
  expect(limited?.longestRowTokens).toBeLessThan(17_000);
});

test("other datasets are not guessed at", () => {
  expect(publishedRows(Dataset.parse(records("rows.jsonl")), square, seven)).toBeUndefined();
  expect(publishedRows(Dataset.parse(hubDataset("somebody/rows")), square, seven)).toBeUndefined();
});
