import { z } from "zod";

const Colour = z.string().regex(/^#[0-9a-f]{6}$/, "a colour as #rrggbb");

/** One shape of a drawing. Boxes are `[left, top, right, bottom]` in pixels. */
export const Shape = z
  .strictObject({
    kind: z.enum(["rectangle", "ellipse"]).describe("What is drawn into the box."),
    box: z.tuple([z.number(), z.number(), z.number(), z.number()]).describe("Left, top, right, bottom, in pixels."),
    fill: Colour.nullable().describe("Colour inside, or null."),
    outline: Colour.nullable().describe("Colour of the line, or null."),
    outlineWidth: z.number().int().min(0).describe("Width of the line, in pixels, inside the box."),
  })
  .readonly();
export type Shape = z.output<typeof Shape>;

/** An image as a record of what to draw, so that a dataset can be made from a seed. */
export const Drawing = z
  .strictObject({
    width: z.number().int().min(1).max(4096).describe("Width in pixels."),
    height: z.number().int().min(1).max(4096).describe("Height in pixels."),
    background: Colour.describe("Colour of the page."),
    shapes: z.array(Shape).readonly().describe("Shapes, drawn in this order."),
  })
  .readonly();
export type Drawing = z.output<typeof Drawing>;

/** Where the pixels of a row come from: a file below the dataset's folder, or a drawing. */
export const ImageSource = z.union(
  [
    z.strictObject({ path: z.string().min(1).describe("Path relative to the dataset's folder.") }).readonly(),
    z.strictObject({ drawing: Drawing.describe("What to draw.") }).readonly(),
  ],
  { error: 'an image as {"path": "…"} or {"drawing": {…}}' },
);
export type ImageSource = z.output<typeof ImageSource>;

/** A stored image: its final pixels by content. */
export const StoredImage = z
  .strictObject({
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .describe("SHA-256 of the stored PNG file."),
    width: z.number().int().positive().describe("Width in pixels."),
    height: z.number().int().positive().describe("Height in pixels."),
  })
  .readonly();
export type StoredImage = z.output<typeof StoredImage>;

/** The longest text that may be asked for, in words: far above any model's window, far below a slip of the hand. */
export const MAX_REQUIRED_LENGTH = 200_000;

const language = z.enum(["en", "zh"]).describe("Language of prompt and text.");
const id = z.string().min(1).max(200).describe("Name of the row, unique in its dataset.");

/** A row of supervised fine-tuning. Further fields are kept. */
export const TrainingRow = z.looseObject({
  id,
  language,
  prompt: z.string().min(1).describe("The user's words, without image placeholders."),
  target: z.string().min(1).describe("The text to learn."),
  images: z.array(ImageSource).readonly().describe("Images in the order of the prompt."),
});
export type TrainingRow = z.output<typeof TrainingRow>;

const itemFields = {
  id,
  task: z.string().min(1).describe("Task the item belongs to."),
  language,
  prompt: z.string().min(1).describe("The user's words, without image placeholders."),
  requiredLength: z
    .number()
    .int("a whole number of words")
    .min(1, `between 1 and ${MAX_REQUIRED_LENGTH} words`)
    .max(MAX_REQUIRED_LENGTH, `between 1 and ${MAX_REQUIRED_LENGTH} words`)
    .describe("Words asked for."),
};

/** A benchmark item as a dataset gives it. Further fields are kept for judges and measures. */
export const BenchRow = z.looseObject({
  ...itemFields,
  images: z.array(ImageSource).readonly().describe("Images in the order of the prompt."),
});
export type BenchRow = z.output<typeof BenchRow>;

/** A benchmark item after import, as judges and measures see it. */
export const BenchItem = z.looseObject({
  ...itemFields,
  images: z.array(StoredImage).readonly().describe("Stored images in the order of the prompt."),
});
export type BenchItem = z.output<typeof BenchItem>;

/** What a judge is asked. */
export interface JudgeRequest {
  /** The item with all its further fields. */
  readonly item: BenchItem;
  /** The text to judge. */
  readonly text: string;
  /** The judge prompt with request and text filled in. */
  readonly prompt: string;
  /** Number of the verdict on this text, from 0. */
  readonly verdictIndex: number;
}

/** A user's judge: answers with text that ends in a JSON object of the six dimensions. */
export type JudgeFunction = (request: JudgeRequest) => string | Promise<string>;

/** A user's measure: a number from 0 to 1 that is reported beside the scores. */
export type MeasureFunction = (item: BenchItem, text: string) => number | Promise<number>;
