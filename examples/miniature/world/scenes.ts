import type { Drawing } from "longform";
import { type Random, randomFromSeed } from "longform/method";
import { drawingOf } from "./drawing.js";
import { type DeckFacts, drawDeck, drawPage, largestPage } from "./facts.js";
import { grammarOf, type Language, languages } from "./grammar.js";
import { type Split, splitOf } from "./split.js";
import { longText, requiredLengthOf } from "./texts.js";

export interface ScenesWanted {
  /** Keeps the scenes of two datasets with equal seeds apart. */
  readonly name: string;
  readonly seed: number;
  readonly count: number;
  readonly split: Split;
  /** Fewest and most pages; a scene of one page has any page number. */
  readonly pages: readonly [fewest: number, most: number];
}

/** A deck, how it looks, and what is asked about it. */
export interface Scene {
  readonly id: string;
  readonly language: Language;
  readonly deck: DeckFacts;
  readonly drawings: readonly Drawing[];
  /** Sentences of each paragraph of a text that meets the required length. */
  readonly sentencesAPage: number;
  readonly prompt: string;
  readonly requiredLength: number;
  /** The scene's own numbers, for what is still to be drawn. */
  readonly random: Random;
}

const paragraphSizes = [2, 3, 4] as const;

/** Language, number of pages and paragraph size take turns, so that every seed has the same mixture. */
export function scenes(wanted: ScenesWanted): Scene[] {
  return Array.from({ length: wanted.count }, (_, index) => sceneAt(wanted, index));
}

function sceneAt({ name, seed, split, pages: [fewest, most] }: ScenesWanted, index: number): Scene {
  const id = `${name}-${seed}-${String(index).padStart(5, "0")}`;
  const random = randomFromSeed(id);
  const pages = most - fewest + 1;
  const turn = Math.floor(index / languages.length);
  const language = languages[index % languages.length] ?? "en";
  const sentencesAPage = paragraphSizes[Math.floor(turn / pages) % paragraphSizes.length] ?? 2;
  const { deck, drawings } = deckOn(split, fewest + (turn % pages), random);
  const reference = longText(deck, language, sentencesAPage, random);
  const requiredLength = requiredLengthOf(reference, language);
  const prompt = grammarOf(language).instruction(requiredLength);
  return { id, language, deck, drawings, sentencesAPage, prompt, requiredLength, random };
}

function deckOn(split: Split, pages: number, random: Random): Pick<Scene, "deck" | "drawings"> {
  for (;;) {
    const deck = pages === 1 ? [drawPage(random, 1 + random.below(largestPage))] : drawDeck(random, pages);
    const drawings = deck.map((facts) => drawingOf(facts, random));
    if (splitOf(deck, drawings) === split) return { deck, drawings };
  }
}
