import type { DeckFacts } from "../../../examples/miniature/world/facts.js";
import type { Language } from "../../../examples/miniature/world/grammar.js";
import { longText, requiredLengthOf } from "../../../examples/miniature/world/texts.js";
import { randomFromSeed } from "../../../sdk/method/random.js";

interface Asked {
  readonly language: Language;
  readonly requiredLength: number;
  readonly facts: DeckFacts;
}

/** A true text of the required length. */
export function fullText({ language, requiredLength, facts }: Asked): string {
  const texts = [2, 3, 4].map((size) => longText(facts, language, size, randomFromSeed("full text")));
  const text = texts.find((each) => requiredLengthOf(each, language) === requiredLength);
  if (text === undefined) throw new Error(`no text of this world has ${requiredLength} words`);
  return text;
}
