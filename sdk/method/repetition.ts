import { MethodError } from "./method-error.js";
import { strictWords } from "./words.js";

/** How much of a text says again what it has said; `share` = `repeated` / `total`, from 0 towards 1. */
export interface MeasuredRepetition {
  readonly status: "measured";
  /** Words in an n-gram. */
  readonly n: number;
  /** n-grams of the text, counted at every word: words − n + 1. */
  readonly total: number;
  /** n-grams that occurred at least once earlier in the text. */
  readonly repeated: number;
  readonly share: number;
}

/** The text has fewer than `n` words, so no n-gram. */
export interface UnmeasuredRepetition {
  readonly status: "too_short";
  readonly n: number;
  readonly words: number;
}

export type Repetition = MeasuredRepetition | UnmeasuredRepetition;

/**
 * Share of the word n-grams of `text` that occurred earlier in it, that is 1 − distinct / total (the
 * "rep-n" of Welleck et al. 2019, arXiv 1908.04319). Words by `strict-words/1`, in lower case.
 * A text without loops stays below a few per cent at n = 4; a text of k copies of itself nears 1 − 1/k.
 * Time and memory grow with n times the number of words.
 *
 * @param n Words in an n-gram, an integer of at least 1.
 * @throws MethodError `option_invalid`
 */
export function repetition(text: string, n = 4): Repetition {
  if (!Number.isInteger(n) || n < 1)
    throw new MethodError({
      code: "option_invalid",
      option: "n",
      found: String(n),
      expected: "an integer from 1",
    });
  const words = strictWords(text.toLowerCase());
  const total = words.length - n + 1;
  if (total < 1) return { status: "too_short", n, words: words.length };
  const repeated = total - distinctGrams(words, n);
  return { status: "measured", n, total, repeated, share: repeated / total };
}

/** Numbers the n-grams by extending the numbered (n−1)-grams by one word, so that no text is joined. */
function distinctGrams(words: readonly string[], n: number): number {
  const numberOfWord = new Map<string, number>();
  const word = words.map((text) => numberOf(numberOfWord, text));
  let gram = word;
  let distinct = numberOfWord.size;
  for (let length = 2; length <= n; length += 1) {
    const numberOfGram = new Map<number, number>();
    const shorter = gram;
    gram = word
      .slice(length - 1)
      .map((added, start) => numberOf(numberOfGram, (shorter[start] ?? 0) * numberOfWord.size + added));
    distinct = numberOfGram.size;
  }
  return distinct;
}

function numberOf<Key>(numbers: Map<Key, number>, key: Key): number {
  const known = numbers.get(key);
  if (known !== undefined) return known;
  numbers.set(key, numbers.size);
  return numbers.size - 1;
}

const COPIES_OF_A_LOOP = 3;

/**
 * `text` with a loop at its end reduced to the first copy: the longest ending that repeats one piece
 * at least three times (the last copy may be cut short) keeps that piece once. Other text is returned
 * as it is, without white space at its end. So a text that was cut inside an endless loop has the same
 * length whether a detector stopped it after a few copies or the token limit after hundreds.
 * Linear in the number of UTF-16 units.
 */
export function withoutTrailingLoop(text: string): string {
  const trimmed = text.trimEnd();
  const loop = trailingLoop(trimmed);
  if (loop === undefined) return trimmed;
  const end = trimmed.length - loop.length + loop.period;
  return trimmed.slice(0, isLowSurrogate(trimmed.charCodeAt(end)) ? end + 1 : end);
}

/** Length and period of the longest periodic ending, by the failure function of Knuth, Morris and Pratt. */
function trailingLoop(text: string): { length: number; period: number } | undefined {
  const size = text.length;
  const fromEnd = (index: number) => text.charCodeAt(size - 1 - index);
  const border = new Int32Array(size + 1);
  let loop: { length: number; period: number } | undefined;
  let matched = 0;
  for (let length = 2; length <= size; length += 1) {
    const unit = fromEnd(length - 1);
    while (matched > 0 && fromEnd(matched) !== unit) matched = border[matched] ?? 0;
    if (fromEnd(matched) === unit) matched += 1;
    border[length] = matched;
    const period = length - matched;
    if (length >= COPIES_OF_A_LOOP * period) loop = { length, period };
  }
  return loop;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}
