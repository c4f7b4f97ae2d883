import { z } from "zod";
import { largestPage } from "./world/facts.js";
import type { MiniatureItem, MiniatureRow } from "./world/rows.js";
import { type Scene, scenes } from "./world/scenes.js";
import { splits } from "./world/split.js";
import { longText, shortText, withHabit } from "./world/texts.js";

// The datasets of the miniature world: pure functions of their arguments, half English, half Chinese.

const seed = z.number().int().min(0).describe("Another seed gives other rows.");
const count = z.number().int().min(1).max(100_000).describe("Number of rows.");
const DecksArgs = z.strictObject({ seed, count });
const PagesArgs = z.strictObject({
  seed,
  count,
  split: z.enum(splits).default("train").describe("Held-out pages serve a stage's gate."),
});
const LongDecksArgs = z.strictObject({
  seed,
  count,
  habit: z.number().min(0).max(1).default(0.45).describe("How often a page is called red, or two."),
});

/** One page with any page number, and one note about it. */
export function singlePages(args: z.input<typeof PagesArgs>): MiniatureRow[] {
  const wanted = PagesArgs.parse(args);
  return scenes({ ...wanted, name: `page-${wanted.split}`, pages: [1, 1] }).map(shortRow);
}

/** Decks of one to six pages and one note a page: far shorter than the instruction asks. */
export function shortDecks(args: z.input<typeof DecksArgs>): MiniatureRow[] {
  const wanted = DecksArgs.parse(args);
  return scenes({ ...wanted, name: "short", split: "train", pages: [1, largestPage] }).map(shortRow);
}

/** Decks of one to six pages and texts as long as asked, written with the planted habit. */
export function longDecks(args: z.input<typeof LongDecksArgs>): MiniatureRow[] {
  const { habit, ...wanted } = LongDecksArgs.parse(args);
  return scenes({ ...wanted, name: "long", split: "train", pages: [1, largestPage] }).map((scene) => {
    const said = withHabit(scene.deck, habit, scene.random);
    return rowOf(scene, longText(said, scene.language, scene.sentencesAPage, scene.random));
  });
}

/** Held-out decks of two to six pages as items of MMLongBench-Write, with the facts to judge by. */
export function benchItems(args: z.input<typeof DecksArgs>): MiniatureItem[] {
  const wanted = DecksArgs.parse(args);
  return scenes({ ...wanted, name: "bench", split: "held-out", pages: [2, largestPage] }).map((scene) => ({
    ...questionOf(scene),
    task: "PPT Script",
  }));
}

function shortRow(scene: Scene): MiniatureRow {
  return rowOf(scene, shortText(scene.deck, scene.language));
}

function rowOf(scene: Scene, target: string): MiniatureRow {
  return { ...questionOf(scene), target };
}

function questionOf({ id, language, prompt, requiredLength, deck, drawings }: Scene) {
  const images = drawings.map((drawing) => ({ drawing }));
  return { id, language, prompt, requiredLength, images, facts: [...deck] };
}
