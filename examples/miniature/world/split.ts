import type { Drawing } from "longform";
import { randomFromSeed } from "longform/method";
import type { DeckFacts } from "./facts.js";

export const splits = ["train", "held-out"] as const;
export type Split = (typeof splits)[number];

/**
 * Which side of the world a deck lies on, by what it is and not by the seed that made it, so that no
 * held-out deck is ever trained on. A deck is known by its facts: another drawing of the same facts is
 * the same deck. A single page, of which there are only 432, is known by its drawing.
 */
export function splitOf(deck: DeckFacts, drawings: readonly Drawing[]): Split {
  const identity = JSON.stringify(deck.length === 1 ? drawings : deck);
  return randomFromSeed(identity).below(4) === 0 ? "held-out" : "train";
}
