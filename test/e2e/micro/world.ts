// A world of two colours and three pages: enough to train on, small enough for every test to train.
import type { BenchItem, Drawing, JudgeRequest } from "longform";

const colours = { red: "#cc2222", blue: "#2244cc" } as const;
type Colour = keyof typeof colours;
const numbers = ["one", "two", "three"] as const;

interface Wanted {
  readonly count: number;
  /** Words of a text, about: 6 a sentence and page. */
  readonly sentences: number;
}

/** Rows whose targets say what each page shows, as often as asked. */
export function rows({ count, sentences }: Wanted) {
  return Array.from({ length: count }, (_, index) => {
    const pages = pagesOf(index);
    return { ...question(`row-${index}`, pages, sentences), target: textOf(pages, sentences) };
  });
}

/** Items of the same kind; each knows the first colour of its deck. */
export function items({ count, sentences }: Wanted) {
  return Array.from({ length: count }, (_, index) => {
    const pages = pagesOf(index + 5);
    return {
      ...question(`item-${index}`, pages, sentences),
      task: "PPT Script",
      requiredLength: 6 * pages.length * sentences,
      colour: pages[0],
    };
  });
}

/** Full marks for a text that names the item's colour; passable ones for any other. */
export function judge({ item, text }: JudgeRequest): string {
  return verdict(text.includes(String(item["colour"])) ? 5 : 3);
}

/** The judge above with a hole: it knows nothing of one item. */
export function judgeWithHole(request: JudgeRequest): string {
  if (request.item.id === "item-1") throw new Error("no opinion on item-1");
  return judge(request);
}

/** A judge that answers nobody. */
export function absentJudge(): string {
  throw new Error("nobody is here");
}

/** 1 for a text that names the item's colour, else 0. */
export function namesColour(item: BenchItem, text: string): number {
  return text.includes(String(item["colour"])) ? 1 : 0;
}

export function verdict(grade: number): string {
  const dimensions = ["Relevance", "Accuracy", "Coherence", "Clarity", "Breadth and Depth", "Reading Experience"];
  return `Read it.\n${JSON.stringify(Object.fromEntries(dimensions.map((name) => [name, grade])))}`;
}

/** One to three pages; neighbours differ. */
function pagesOf(index: number): readonly Colour[] {
  return Array.from({ length: 1 + (index % 3) }, (_, page) => ((index >> page) % 2 === 0 ? "red" : "blue"));
}

function question(id: string, pages: readonly Colour[], sentences: number) {
  const words = 6 * pages.length * sentences;
  const images = pages.map((colour) => ({ drawing: page(colour) }));
  return { id, language: "en", prompt: `Describe the pages in ${words} words.`, images };
}

function textOf(pages: readonly Colour[], sentences: number): string {
  return pages
    .flatMap((colour, index) =>
      Array.from({ length: sentences }, () => `Page ${numbers[index] ?? "four"} shows a ${colour} box.`),
    )
    .join(" ");
}

function page(colour: Colour): Drawing {
  return {
    width: 56,
    height: 56,
    background: "#ffffff",
    shapes: [{ kind: "rectangle", box: [4, 4, 52, 52], fill: colours[colour], outline: null, outlineWidth: 0 }],
  };
}
