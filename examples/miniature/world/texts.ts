import { countStrictWords, type Random } from "longform/method";
import type { DeckFacts, PageFacts } from "./facts.js";
import { grammarOf, type Language } from "./grammar.js";
import { chance, shuffled } from "./random.js";

/** One line a page, each a note: what a writer says who stops much too early. */
export function shortText(deck: DeckFacts, language: Language): string {
  const grammar = grammarOf(language);
  return deck.map((facts) => grammar.opening(facts, "note")).join("\n");
}

/**
 * One paragraph a page, each an opening and `sentencesAPage - 1` further sentences. No sentence stands
 * twice in a deck: every place of a paragraph has more sentences to choose from than a deck has pages.
 */
export function longText(deck: DeckFacts, language: Language, sentencesAPage: number, random: Random): string {
  const grammar = grammarOf(language);
  const following = grammar.following.slice(0, sentencesAPage - 1).map((choices) => shuffled(random, choices));
  return deck
    .map((facts, index) =>
      [grammar.opening(facts, "sentence"), ...following.flatMap((choices) => choices[index] ?? [])].join(grammar.gap),
    )
    .join("\n");
}

/** A text's length, rounded to the step of its language: what an instruction asks for. */
export function requiredLengthOf(text: string, language: Language): number {
  const { lengthStep } = grammarOf(language);
  return Math.max(1, Math.round(countStrictWords(text) / lengthStep)) * lengthStep;
}

/**
 * The planted habit: a writer that says "red" and "two" too often. Each page's colour becomes red, and
 * independently its count two, with this probability. It stands for the favourite errors of a machine
 * writer that an editor's corrections can remove; how much they gain is set by this choice.
 */
export function withHabit(deck: DeckFacts, probability: number, random: Random): DeckFacts {
  return deck.map((facts): PageFacts => {
    const colour = chance(random, probability) ? "red" : facts.colour;
    const count = chance(random, probability) ? 2 : facts.count;
    return { ...facts, colour, count };
  });
}
