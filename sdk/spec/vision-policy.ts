import { z } from "zod";

/** What happens to every image once, before data, training, serving and evaluation see it. */
export const VisionPolicy = z
  .strictObject({
    resize: z
      .enum(["keepAspect", "square"])
      .default("keepAspect")
      .describe("Keep the aspect ratio as nearly as the grid allows, or stretch to the largest square."),
    minPixels: z
      .number()
      .int()
      .min(1)
      .max(2 ** 31)
      .default(3_136)
      .describe("Lower bound of width times height."),
    maxPixels: z
      .number()
      .int()
      .min(1)
      .max(2 ** 31)
      .default(262_144)
      .describe("Upper bound of width times height."),
    gridMultiple: z
      .number()
      .int()
      .min(1)
      .max(256)
      .default(28)
      .describe("Both sides are multiples of this many pixels: patch size times merge size."),
    background: z
      .string()
      .regex(/^#[0-9a-f]{6}$/, "a colour as #rrggbb")
      .default("#ffffff")
      .describe("Colour behind transparent pixels."),
    maxImages: z.number().int().min(1).max(1_000).default(30).describe("Largest number of images in one row."),
  })
  .refine((policy) => policy.minPixels <= policy.maxPixels, { path: ["minPixels"], error: "at most maxPixels" })
  .refine((policy) => policy.gridMultiple ** 2 <= policy.maxPixels, {
    path: ["maxPixels"],
    error: "at least gridMultiple squared",
  })
  .readonly();
export type VisionPolicy = z.output<typeof VisionPolicy>;
export type VisionPolicyInput = z.input<typeof VisionPolicy>;

/** The order of images and text inside the prompt. */
export const PromptLayout = z
  .enum(["imagesFirst", "textFirst", "inline"])
  .default("imagesFirst")
  .describe(
    "Order of images and text inside the prompt; inline puts each image where the prompt says <image>, or all images first where it says it nowhere.",
  );
export type PromptLayout = z.output<typeof PromptLayout>;
