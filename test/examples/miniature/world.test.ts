import { describe, expect, test } from "vitest";
import { benchItems, longDecks, shortDecks, singlePages } from "../../../examples/miniature/world.js";
import { colours, type DeckFacts, shapes } from "../../../examples/miniature/world/facts.js";
import { grammarOf, languages, statedPages } from "../../../examples/miniature/world/grammar.js";
import type { MiniatureItem } from "../../../examples/miniature/world/rows.js";
import { shortText } from "../../../examples/miniature/world/texts.js";
import { lengthScore } from "../../../sdk/method/length-score.js";
import { countPaperWords, countStrictWords } from "../../../sdk/method/words.js";
import { BenchRow, TrainingRow } from "../../../sdk/spec/rows.js";
import { fullText } from "./full-text.js";

const everyPage: DeckFacts = [1, 2, 3, 4, 5, 6].flatMap((page) =>
  [1, 2, 3, 4].flatMap((count) => colours.flatMap((colour) => shapes.map((shape) => ({ page, count, colour, shape })))),
);
const decks = longDecks({ seed: 5, count: 360, habit: 0 });
const items = benchItems({ seed: 5, count: 180 });

describe("datasets", () => {
  test("the same arguments give the same rows, another seed gives others", () => {
    for (const dataset of [singlePages, shortDecks, longDecks, benchItems]) {
      const rows = dataset({ seed: 1, count: 12 });
      expect(dataset({ seed: 1, count: 12 })).toEqual(rows);
      expect(dataset({ seed: 2, count: 12 })).not.toEqual(rows);
      expect(dataset({ seed: 1, count: 20 }).slice(0, 12)).toEqual(rows);
    }
  });

  test("rows have the shape that the package asks of training rows and benchmark items", () => {
    for (const row of [...singlePages({ seed: 3, count: 20 }), ...shortDecks({ seed: 3, count: 20 }), ...decks]) {
      expect(TrainingRow.parse(row)).toEqual(row);
    }
    for (const item of items) expect(BenchRow.parse(item)).toEqual(item);
  });

  test("an argument that does not exist, or a count of zero, is refused by its name", () => {
    expect(() => longDecks({ seed: 1, count: 0 })).toThrow(/count/);
    const misspelt = { seed: 1, count: 5, habbit: 0.1 };
    expect(() => longDecks(misspelt)).toThrow(/habbit/);
  });

  test("both languages, all page numbers, counts, colours and shapes occur about equally often", () => {
    const pages = decks.flatMap((row) => row.facts);
    for (const colour of colours) expect(shareOf(pages, (page) => page.colour === colour)).toBeCloseTo(1 / 6, 1);
    for (const shape of shapes) expect(shareOf(pages, (page) => page.shape === shape)).toBeCloseTo(1 / 3, 1);
    for (const count of [1, 2, 3, 4]) expect(shareOf(pages, (page) => page.count === count)).toBeCloseTo(1 / 4, 1);
    expect(shareOf(decks, (row) => row.language === "zh")).toBe(1 / 2);
    for (let pages = 1; pages <= 6; pages++) expect(shareOf(decks, (row) => row.facts.length === pages)).toBe(1 / 6);
    expect(new Set(items.map((item) => item.facts.length))).toEqual(new Set([2, 3, 4, 5, 6]));
  });

  test("a deck of one page has any page number, a longer one counts from one", () => {
    const facts = shortDecks({ seed: 6, count: 600 }).map((row) => row.facts.map(({ page }) => page));
    const single = facts.filter((pages) => pages.length === 1).flat();
    for (const page of [1, 2, 3, 4, 5, 6]) expect(shareOf(single, (each) => each === page)).toBeGreaterThan(0.05);
    for (const pages of facts.filter(({ length }) => length > 1)) {
      expect(pages).toEqual([1, 2, 3, 4, 5, 6].slice(0, pages.length));
    }
  });

  test("no held-out deck is a training deck, whatever the seeds", () => {
    const trained = new Set(
      [1, 2, 3]
        .flatMap((seed) => [...shortDecks({ seed, count: 600 }), ...longDecks({ seed, count: 600 })])
        .map(identity),
    );
    const heldOut = [1, 2, 3].flatMap((seed) => benchItems({ seed, count: 100 }));
    expect(heldOut.filter((item) => trained.has(identity(item)))).toEqual([]);
    const trainedPages = new Set(singlePages({ seed: 1, count: 2000 }).map((row) => JSON.stringify(row.images)));
    const gate = singlePages({ seed: 1, count: 200, split: "held-out" });
    expect(gate.filter((row) => trainedPages.has(JSON.stringify(row.images)))).toEqual([]);
  });

  test("ids are unique within a dataset and between training and held-out rows", () => {
    const all = [...decks, ...shortDecks({ seed: 5, count: 100 }), ...singlePages({ seed: 5, count: 100 }), ...items];
    const gate = singlePages({ seed: 5, count: 100, split: "held-out" });
    expect(new Set([...all, ...gate].map(({ id }) => id)).size).toBe(all.length + gate.length);
  });
});

describe("texts", () => {
  test.each(languages)("every fact that can be written in %s is read back", (language) => {
    for (const facts of everyPage) {
      for (const form of ["note", "sentence"] as const) {
        expect(statedPages(grammarOf(language).opening(facts, form), language)).toEqual([facts]);
      }
    }
  });

  test("reference texts say the facts of their pages, in order", () => {
    for (const row of [...decks, ...shortDecks({ seed: 5, count: 60 })]) {
      expect(statedPages(row.target, row.language)).toEqual(row.facts);
    }
  });

  test("an opening with missing or unknown words is read as far as it goes", () => {
    expect(statedPages("Slide two: three mauve rings. Slide six: a ring.", "en")).toEqual([
      { page: 2, count: 3, colour: undefined, shape: "ring" },
      { page: 6, count: undefined, colour: undefined, shape: "ring" },
    ]);
    expect(statedPages("第二页：红色。第七页：三个红色圆环。", "zh")).toEqual([
      { page: 2, count: undefined, colour: "red", shape: undefined },
    ]);
    expect(statedPages("Slides seldom show three red rings.", "en")).toEqual([]);
  });

  test("the strict and the published word counter agree on every text of the world", () => {
    for (const row of [...decks, ...shortDecks({ seed: 5, count: 120 })]) {
      expect(countPaperWords(row.target)).toBe(countStrictWords(row.target));
    }
  });

  test("long texts meet the required length within half a step of their language", () => {
    for (const row of decks) {
      const step = grammarOf(row.language).lengthStep;
      expect(row.requiredLength % step).toBe(0);
      expect(Math.abs(countStrictWords(row.target) - row.requiredLength)).toBeLessThanOrEqual(step / 2);
      expect(row.prompt).toContain(String(row.requiredLength));
    }
  });

  test.each(languages)("full texts score above 95 for their length and notes alone below 25, in %s", (language) => {
    const scores = (write: (item: MiniatureItem) => string) =>
      items
        .filter((item) => item.language === language)
        .map((item) => lengthScore(countStrictWords(write(item)), item.requiredLength, "eq-6"));
    expect(Math.min(...scores(fullText))).toBeGreaterThan(95);
    expect(mean(scores((item) => shortText(item.facts, language)))).toBeLessThan(25);
  });

  test("no sentence stands twice in a long text", () => {
    for (const row of decks) {
      const sentences = grammarOf(row.language).sentences(row.target);
      expect(new Set(sentences).size).toBe(sentences.length);
    }
  });

  test("the habit turns colours to red and counts to two as often as told, and nothing else", () => {
    const habit = longDecks({ seed: 9, count: 600, habit: 0.45 });
    const said = habit.flatMap((row) => statedPages(row.target, row.language));
    const shown = habit.flatMap((row) => row.facts);
    const red = said.filter(({ colour }, index) => colour !== shown[index]?.colour);
    const two = said.filter(({ count }, index) => count !== shown[index]?.count);
    expect(new Set(red.map(({ colour }) => colour))).toEqual(new Set(["red"]));
    expect(new Set(two.map(({ count }) => count))).toEqual(new Set([2]));
    expect(red.length / shown.filter(({ colour }) => colour !== "red").length).toBeCloseTo(0.45, 1);
    expect(two.length / shown.filter(({ count }) => count !== 2).length).toBeCloseTo(0.45, 1);
    expect(said.map(({ shape, page }) => [shape, page])).toEqual(shown.map(({ shape, page }) => [shape, page]));
  });
});

function identity({ facts }: { facts: DeckFacts }): string {
  return facts.length === 1 ? "" : JSON.stringify(facts);
}

function shareOf<T>(items: readonly T[], holds: (item: T) => boolean): number {
  return items.filter(holds).length / items.length;
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}
