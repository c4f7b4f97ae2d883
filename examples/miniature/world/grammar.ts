import { chinese } from "./chinese.js";
import { english } from "./english.js";
import type { Colour, PageFacts, Shape } from "./facts.js";

export const languages = ["en", "zh"] as const;
export type Language = (typeof languages)[number];

/** What a sentence says about a page; a fact it leaves out is undefined. */
export interface StatedPage {
  readonly page: number;
  readonly count: number | undefined;
  readonly colour: Colour | undefined;
  readonly shape: Shape | undefined;
}

/**
 * One language of the world. Numbers are written as words ("two", "二"), so that both the strict and
 * the published word counter see every word of a text and agree on its length.
 */
export interface Grammar {
  /** The request: the required length is its only number. */
  instruction(requiredLength: number): string;
  /** A page's first sentence. A note has no verb; both forms begin with the same words. */
  opening(facts: PageFacts, form: "note" | "sentence"): string;
  /** Sentences that may follow an opening: `following[0]` right after it, `following[1]` next, and so on. */
  readonly following: readonly (readonly string[])[];
  /** What stands between two sentences of a paragraph. */
  readonly gap: string;
  /** Required lengths are multiples of this many words or characters. */
  readonly lengthStep: number;
  sentences(text: string): string[];
  /** Reads an opening, complete or not; any other sentence is undefined. */
  read(sentence: string): StatedPage | undefined;
}

const grammars: Readonly<Record<Language, Grammar>> = { en: english, zh: chinese };

export function grammarOf(language: Language): Grammar {
  return grammars[language];
}

/** All openings of a text in the order in which they stand. */
export function statedPages(text: string, language: Language): StatedPage[] {
  const grammar = grammarOf(language);
  return grammar.sentences(text).flatMap((sentence) => grammar.read(sentence) ?? []);
}
