import { countStrictWords } from "../method/words.js";
import type { Sft } from "../spec/sft.js";
import type { VisionPolicy } from "../spec/vision-policy.js";
import type { ModelShape } from "./model-shape.js";

/** A value that nobody gave. */
export interface Assumption {
  readonly field: string;
  readonly value: string;
  readonly why: string;
}

/** Rows of a training as a plan knows them. */
export interface RowCounts {
  readonly level: "audited" | "estimated";
  /** Where the counts come from, in words. */
  readonly from: string;
  readonly rows: number;
  readonly images: number;
  readonly tokens: number;
  readonly imageTokens: number;
  readonly targetTokens: number;
  readonly longestRowTokens: number;
  /** Image tokens of the row that has most of them. */
  readonly mostImageTokens: number;
  /** Sum over rows of the square of their tokens. */
  readonly squaredTokens: number;
  /** Images of the row that has most of them, left out or not. */
  readonly mostImages: number;
  /** Rows that an audit refuses: a run would end before its training. */
  readonly refused: number;
  readonly assumed: readonly Assumption[];
}

/** Tokens of an English word with Qwen's tokenizer; a Chinese character, which counts as a word, is fewer. */
const tokensPerWord = 1.3;
/** The chat template around a row, its turn ends included. */
const templateTokens = 30;
/** Around every image stand its start and its end. */
const imageFrameTokens = 2;

const wordsAssumed: Assumption = {
  field: "tokens per word",
  value: String(tokensPerWord),
  why: "English with Qwen's tokenizer; Chinese takes fewer. An audit counts exactly",
};

/** Tokens of the largest image that a policy lets through. */
export function mostTokensPerImage({ resize, maxPixels, gridMultiple }: VisionPolicy, shape: ModelShape): number {
  const merged = shape.vision.patch * shape.vision.merge;
  if (resize === "keepAspect") return Math.floor(maxPixels / merged ** 2);
  const side = Math.floor(Math.sqrt(maxPixels) / gridMultiple) * gridMultiple;
  return Math.floor(side / merged) ** 2;
}

/** Tokens of an image of exactly this size. */
export function imageTokensOf(width: number, height: number, shape: ModelShape): number {
  const merged = shape.vision.patch * shape.vision.merge;
  return Math.floor(width / merged) * Math.floor(height / merged);
}

/** A row as an audit counted it. */
export interface AuditedRow {
  readonly tokens: number;
  readonly imageTokens: number;
  readonly targetTokens: number;
  readonly images: number;
}

/** Exact counts of the rows to train on, those among them that are refused as they are. */
export function auditedRows(rows: readonly AuditedRow[], refused: number): RowCounts {
  return { level: "audited", from: "counted by the model's own processor", ...sums(rows), refused, assumed: [] };
}

/** What a training does with rows. */
export type RowRules = Pick<Sft, "dataset" | "visionPolicy" | "maxTokens" | "tooLong">;

/** Tokens that are left of a row; 0 where it is left out. */
function tokensLeft(tokens: number, { maxTokens, tooLong }: RowRules): number {
  switch (tooLong) {
    case "refuse":
      return tokens;
    case "drop":
      return tokens <= maxTokens ? tokens : 0;
    case "cap":
      return Math.min(tokens, maxTokens);
  }
}

/** An imported row: its texts, and its images at their final size. */
export interface ImportedRow {
  readonly prompt: string;
  readonly target: string;
  readonly images: readonly { readonly width: number; readonly height: number }[];
}

/** Exact rows and images; tokens of texts after their words. */
export function importedRows(rows: readonly ImportedRow[], rules: RowRules, shape: ModelShape): RowCounts {
  const counted = rows.map(({ prompt, target, images }) => {
    const targetTokens = Math.ceil(tokensPerWord * countStrictWords(target)) + 2;
    const imageTokens = images.reduce((sum, { width, height }) => sum + imageTokensOf(width, height, shape), 0);
    const text = Math.ceil(tokensPerWord * countStrictWords(prompt)) + imageFrameTokens * images.length;
    return {
      tokens: targetTokens + imageTokens + text + templateTokens,
      imageTokens,
      targetTokens,
      images: images.length,
    };
  });
  const kept = counted
    .map((row) => ({ ...row, tokens: tokensLeft(row.tokens, rules) }))
    .filter(({ tokens }) => tokens > 0);
  return {
    level: "estimated",
    from: "imported rows, their words counted",
    ...sums(kept),
    longestRowTokens: sums(counted).longestRowTokens,
    refused: 0,
    assumed: [wordsAssumed],
  };
}

function sums(rows: readonly AuditedRow[]) {
  const total = { images: 0, tokens: 0, imageTokens: 0, targetTokens: 0, squaredTokens: 0 };
  let longestRowTokens = 0;
  let mostImageTokens = 0;
  let mostImages = 0;
  for (const row of rows) {
    total.images += row.images;
    total.tokens += row.tokens;
    total.imageTokens += row.imageTokens;
    total.targetTokens += row.targetTokens;
    total.squaredTokens += row.tokens ** 2;
    longestRowTokens = Math.max(longestRowTokens, row.tokens);
    mostImageTokens = Math.max(mostImageTokens, row.imageTokens);
    mostImages = Math.max(mostImages, row.images);
  }
  return { rows: rows.length, ...total, longestRowTokens, mostImageTokens, mostImages };
}

/** What is published of a dataset. */
interface PublishedRows {
  readonly source: string;
  readonly rows: number;
  readonly targetWords: number;
  readonly longestTargetWords: number;
  readonly promptTokens: number;
  /** Rows by their number of images. */
  readonly kinds: readonly { readonly images: number; readonly rows: number }[];
  readonly assumed: readonly Assumption[];
}

/** Evenly many rows of each number of images. */
function evenly(from: number, to: number, rows: number): PublishedRows["kinds"] {
  const numbers = to - from + 1;
  return Array.from({ length: numbers }, (_, index) => ({ images: from + index, rows: rows / numbers }));
}

/** By repository, in small letters. */
const publishedDatasets: Readonly<Record<string, PublishedRows>> = {
  "thu-keg/longwriter-v-22k": {
    source: "arXiv 2502.14834, section 3.1.1, and the dataset's card",
    rows: 19_378,
    targetWords: 2_037,
    longestTargetWords: 10_000,
    promptTokens: 200,
    // 8,115 of one image, 6,313 of two or four, 7,730 decks of 2 to 30 pages.
    kinds: [
      { images: 1, rows: 8_115 },
      { images: 2, rows: 6_313 / 2 },
      { images: 4, rows: 6_313 / 2 },
      ...evenly(2, 30, 7_730),
    ],
    assumed: [
      {
        field: "targets",
        value: "2,037 words on average, 10,000 at most",
        why: "the paper's, of its 22,158 examples",
      },
      { field: "images of a row", value: "6.8", why: "of its kinds of rows: 1, 2 or 4, and 2-30, at their middle" },
      { field: "prompts", value: "200 tokens", why: "not published" },
      { field: "spread of lengths", value: "a mean square of 1.5 squared means", why: "not published" },
    ],
  },
};

const spreadOfLengths = 1.5;

/** What publications say of a dataset's rows; undefined where they say nothing. */
export function publishedRows(rules: RowRules, shape: ModelShape): RowCounts | undefined {
  const { dataset, visionPolicy } = rules;
  if (dataset.kind !== "hub") return undefined;
  const published = publishedDatasets[dataset.repository.toLowerCase()];
  if (published === undefined) return undefined;
  const perImage = mostTokensPerImage(visionPolicy, shape);
  const textTokens = tokensPerWord * published.targetWords + published.promptTokens + templateTokens;
  const mostImages = Math.max(...published.kinds.map(({ images }) => images));
  const most = Math.min(mostImages, visionPolicy.maxImages);
  const kinds = published.kinds.map(({ images: all, rows }) => {
    // A row with more images is refused; a training that is mended to go on has no more of them than this.
    const images = Math.min(all, visionPolicy.maxImages);
    return { images, rows, tokens: tokensLeft(textTokens + images * (perImage + imageFrameTokens), rules) };
  });
  const kept = kinds.filter(({ tokens }) => tokens > 0);
  const ofAll = sum(kept, ({ rows }) => rows) / sum(kinds, ({ rows }) => rows);
  const rows = Math.round(Math.min(dataset.limit ?? published.rows, published.rows) * ofAll);
  const mean = (value: (kind: (typeof kinds)[number]) => number) =>
    kept.length === 0 ? 0 : sum(kept, (kind) => kind.rows * value(kind)) / sum(kept, (kind) => kind.rows);
  const meanTokens = mean(({ tokens }) => tokens);
  const meanImages = mean(({ images }) => images);
  const longest = textTokens + tokensPerWord * (published.longestTargetWords - published.targetWords);
  return {
    level: "estimated",
    from: `published statistics (${published.source})`,
    rows,
    images: Math.round(rows * meanImages),
    tokens: Math.round(rows * meanTokens),
    imageTokens: Math.round(rows * meanImages * perImage),
    targetTokens: Math.round(rows * tokensPerWord * published.targetWords),
    longestRowTokens: Math.ceil(longest + most * (perImage + imageFrameTokens)),
    mostImageTokens: most * perImage,
    mostImages,
    squaredTokens: Math.round(rows * meanTokens ** 2 * spreadOfLengths),
    refused: 0,
    assumed: [...published.assumed, wordsAssumed],
  };
}

function sum<Item>(items: readonly Item[], value: (item: Item) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
