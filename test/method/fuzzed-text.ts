import type { Random } from "../../sdk/method/index.js";

/** A text of up to `longest` pieces drawn from `pieces`; equal seeds give equal texts. */
export function fuzzedText(random: Random, pieces: readonly string[], longest: number): string {
  return Array.from({ length: random.below(longest + 1) }, () => pieces[random.below(pieces.length)] ?? "").join("");
}
