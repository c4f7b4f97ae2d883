import { z } from "zod";
import type { BenchItem } from "longform";
import { DeckFacts } from "./facts.js";
import type { Assignment } from "./reading.js";

/** @throws TypeError when the item was not made by this world. */
export function assignmentOf(item: BenchItem): Assignment {
  const facts = DeckFacts.safeParse(item["facts"]);
  if (!facts.success) {
    throw new TypeError(
      `Item ${item.id}: "facts" must be the facts of a deck as benchItems gives them.\n${z.prettifyError(facts.error)}`,
    );
  }
  return { language: item.language, requiredLength: item.requiredLength, facts: facts.data };
}
