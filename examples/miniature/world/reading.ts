import { countStrictWords } from "longform/method";
import { type DeckFacts, factsPerPage, largestPage, type PageFacts } from "./facts.js";
import { type Grammar, grammarOf, type Language, type StatedPage } from "./grammar.js";

/** What is known about a deck and asked of its text. */
export interface Assignment {
  readonly language: Language;
  readonly requiredLength: number;
  readonly facts: DeckFacts;
}

/** How a text does its assignment; each share is from 0 to 1, and all are 0 for an empty text. */
export interface Reading {
  /** Pages of the deck that are opened, against the pages of the deck and those made up. */
  readonly coverage: number;
  /** True facts, three a page, by the first opening of each page; a page without one has none. */
  readonly truth: number;
  /** The most openings that stand in the order of the deck, against all pages and all openings. */
  readonly order: number;
  /** Sentences of the grammar, notes without a verb not among them, against all sentences. */
  readonly wellFormed: number;
  /** Words of the grammar's sentences and notes, none counted twice, against the words asked for; at most 1. */
  readonly amount: number;
  /** Sentences after an opening that say something new, against all of them and at least one a page. */
  readonly variety: number;
}

export function readText({ language, requiredLength, facts }: Assignment, text: string): Reading {
  const grammar = grammarOf(language);
  const sentences = grammar.sentences(text).map((words) => sentenceOf(words, grammar));
  const openings = sentences.flatMap(({ opens }) => opens ?? []);
  const further = sentences.filter(({ opens }) => opens === undefined);
  const said = distinct(sentences.filter(({ form }) => form !== "foreign"));
  return {
    ...pagesOf(facts, openings),
    wellFormed: share(sentences.filter(({ form }) => form === "sentence").length, sentences.length),
    amount: Math.min(1, share(countStrictWords(said.join("\n")), requiredLength)),
    variety: share(
      distinct(further.filter(({ form }) => form === "sentence")).length,
      Math.max(further.length, facts.length),
    ),
  };
}

interface Sentence {
  readonly words: string;
  /** What it says about a page, if it begins like an opening. */
  readonly opens: StatedPage | undefined;
  readonly form: "sentence" | "note" | "foreign";
}

/** A sentence is well-formed when the grammar writes the same words for what was read from it. */
function sentenceOf(words: string, grammar: Grammar): Sentence {
  const opens = grammar.read(words);
  if (opens === undefined) {
    const known = grammar.following.some((choices) => choices.includes(words));
    return { words, opens, form: known ? "sentence" : "foreign" };
  }
  const { page, count, colour, shape } = opens;
  if (count === undefined || colour === undefined || shape === undefined) {
    return { words, opens, form: "foreign" };
  }
  const written = (form: "sentence" | "note") => grammar.opening({ page, count, colour, shape }, form) === words;
  return { words, opens, form: written("sentence") ? "sentence" : written("note") ? "note" : "foreign" };
}

function pagesOf(facts: DeckFacts, openings: readonly StatedPage[]): Pick<Reading, "coverage" | "truth" | "order"> {
  const firstOpening = (page: number) => openings.find((opening) => opening.page === page);
  const opened = new Set(openings.map(({ page }) => page));
  const covered = facts.filter(({ page }) => opened.has(page)).length;
  const madeUp = opened.size - covered;
  const trueFacts = facts.map((known) => trueFactsOf(known, firstOpening(known.page)));
  return {
    coverage: share(covered, facts.length + madeUp),
    truth: share(
      trueFacts.reduce((sum, count) => sum + count, 0),
      factsPerPage * facts.length,
    ),
    order: share(longestRise(openings.map(({ page }) => page)), Math.max(facts.length, openings.length)),
  };
}

/** Length of the longest strictly rising subsequence of page numbers. */
function longestRise(pages: readonly number[]): number {
  const longestEndingAt = Array.from({ length: largestPage + 1 }, () => 0);
  for (const page of pages) {
    longestEndingAt[page] = 1 + Math.max(...longestEndingAt.slice(0, page));
  }
  return Math.max(...longestEndingAt);
}

function trueFactsOf(known: PageFacts, stated: StatedPage | undefined): number {
  return [stated?.count === known.count, stated?.colour === known.colour, stated?.shape === known.shape].filter(Boolean)
    .length;
}

function distinct(sentences: readonly Sentence[]): string[] {
  return [...new Set(sentences.map(({ words }) => words))];
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
