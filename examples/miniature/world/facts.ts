import { z } from "zod";
import type { Random } from "longform/method";
import { pick } from "./random.js";

export const colours = ["red", "blue", "green", "yellow", "purple", "black"] as const;
export const shapes = ["ring", "square", "bar"] as const;
export const largestCount = 4;
export const largestPage = 6;

export type Colour = (typeof colours)[number];
export type Shape = (typeof shapes)[number];

/** What one page shows: `count` equal shapes of one colour, and which navigation tab is dark. */
export const PageFacts = z.strictObject({
  page: z.number().int().min(1).max(largestPage),
  count: z.number().int().min(1).max(largestCount),
  colour: z.enum(colours),
  shape: z.enum(shapes),
});
export type PageFacts = z.output<typeof PageFacts>;

/** The pages of one deck in their order. */
export const DeckFacts = z.array(PageFacts).min(1).max(largestPage);
export type DeckFacts = readonly PageFacts[];

/** How many facts of a page a text can get right: count, colour and shape. */
export const factsPerPage = 3;

export function drawPage(random: Random, page: number): PageFacts {
  return {
    page,
    count: 1 + random.below(largestCount),
    colour: pick(random, colours),
    shape: pick(random, shapes),
  };
}

export function drawDeck(random: Random, pages: number): DeckFacts {
  return Array.from({ length: pages }, (_, index) => drawPage(random, index + 1));
}
