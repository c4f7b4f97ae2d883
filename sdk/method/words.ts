import { CharacterClass, characterClass } from "./character-class.js";

/** Name and version of a word counter; a changed rule gets a new number. */
export type WordCounter = "paper-words/1" | "strict-words/1";

/** Number of words of `text` by the named counter. Reads each character once. */
export function countWords(text: string, counter: WordCounter): number {
  switch (counter) {
    case "paper-words/1":
      return countPaperWords(text);
    case "strict-words/1":
      return countStrictWords(text);
  }
}

const PYTHON_WORD_CHARACTER = /[\p{L}\p{N}_]/u;

/**
 * Words as the published benchmark code counts them: each character of U+4E00 to U+9FFF, plus each
 * whole run of Python's `\w` characters that consists of a–z and A–Z only. So numbers, "GPT4", "café"
 * and Latin glued to Chinese count nothing, "don't" counts two, kana and hangul count nothing.
 *
 * Equal to `len(findall("[\u4e00-\u9fff]")) + len(findall(r"\b[a-zA-Z]+\b"))` of Python's `re`, whose
 * `\b` is Unicode-aware while that of JavaScript is not. They can differ only on letters that one of
 * the two Unicode tables does not know yet.
 */
export function countPaperWords(text: string): number {
  let words = 0;
  let insideRun = false;
  let runIsLatin = false;
  for (let index = 0; index < text.length; ) {
    const codePoint = text.codePointAt(index) ?? 0;
    index += unitsOf(codePoint);
    if (codePoint >= 0x4e00 && codePoint <= 0x9fff) words += 1;
    if (isPythonWordCharacter(codePoint)) {
      runIsLatin = isAsciiLetter(codePoint) && (runIsLatin || !insideRun);
      insideRun = true;
    } else {
      if (runIsLatin) words += 1;
      insideRun = false;
      runIsLatin = false;
    }
  }
  return runIsLatin ? words + 1 : words;
}

function isPythonWordCharacter(codePoint: number): boolean {
  if (isAsciiLetter(codePoint)) return true;
  if (codePoint < 0x80) return (codePoint >= 0x30 && codePoint <= 0x39) || codePoint === 0x5f;
  if (codePoint >= 0x4e00 && codePoint <= 0x9fff) return true;
  return PYTHON_WORD_CHARACTER.test(String.fromCodePoint(codePoint));
}

function isAsciiLetter(codePoint: number): boolean {
  const lowerCase = codePoint | 0x20;
  return codePoint < 0x80 && lowerCase >= 0x61 && lowerCase <= 0x7a;
}

/** Number of words of `text` by the rule of {@link visitStrictWords}. */
export function countStrictWords(text: string): number {
  let words = 0;
  visitStrictWords(text, () => {
    words += 1;
  });
  return words;
}

/** The words of `text` in order, as written, by the rule of {@link visitStrictWords}. */
export function strictWords(text: string): string[] {
  const words: string[] = [];
  visitStrictWords(text, (start, end) => words.push(text.slice(start, end)));
  return words;
}

/** Letters of a script without spaces that make one word; dictionaries find 2.4 (Burmese) to 4.2 (Lao). */
const LETTERS_PER_UNSPACED_WORD = 4;

/**
 * `strict-words/1`: calls `visit` with start and end (UTF-16 units, end exclusive) of every word.
 *
 * - A run of letters and digits of any script is one word: "2024", "GPT4", "café", "한국어를".
 *   Combining marks, joiners and format characters belong to the character before them.
 * - One joiner between two of them keeps the word whole: an apostrophe or full stop between two
 *   letters or two digits ("don't", "U.S", "3.14"), a comma between two digits ("3,000"), a hyphen
 *   between any two ("well-known", "GPT-4o"), underscores without limit.
 * - Every Han ideograph of every block, every kana and bopomofo letter is a word of its own, as
 *   Chinese and Japanese lengths are asked for in characters. Korean has spaces and counts by them.
 * - Thai, Lao, Khmer, Burmese and Tai scripts have no spaces: each begun group of four letters of a
 *   run is a word, an estimate of what a dictionary would find.
 * - Punctuation, symbols and emoji are no words.
 *
 * Without hyphens, ideographs, kana and unspaced scripts this is word segmentation by Unicode Standard
 * Annex 29. One pass, one look at each character.
 */
export function visitStrictWords(text: string, visit: (start: number, end: number) => void): void {
  let start = -1;
  let end = 0;
  let last = 0;
  let joiner = 0;
  let unspacedLetters = 0;
  for (let index = 0; index < text.length; ) {
    const codePoint = text.codePointAt(index) ?? 0;
    const next = index + unitsOf(codePoint);
    const kind = characterClass(codePoint);
    if (kind === CharacterClass.extension) {
      if (start >= 0 && joiner === 0) end = next;
    } else if (start >= 0 && joiner === 0 && isJoiner(kind)) {
      joiner = kind;
    } else {
      const staysWhole = continuesWord(last, joiner, kind, unspacedLetters);
      if (start >= 0 && !staysWhole) {
        visit(start, end);
        start = -1;
      }
      if (staysWhole || startsWord(kind)) {
        if (start < 0) start = index;
        end = next;
        unspacedLetters = staysWhole ? unspacedLetters + 1 : 1;
      }
      last = start < 0 ? 0 : kind;
      joiner = 0;
    }
    index = next;
  }
  if (start >= 0) visit(start, end);
}

function startsWord(kind: number): boolean {
  return kind >= CharacterClass.letter && kind <= CharacterClass.unspacedLetter;
}

function isJoiner(kind: number): boolean {
  return kind >= CharacterClass.letterJoiner;
}

function isLetterOrDigit(kind: number): boolean {
  return kind === CharacterClass.letter || kind === CharacterClass.digit;
}

/** Whether a character of class `kind` belongs to the word that ends in `last` and, if any, `joiner`. */
function continuesWord(last: number, joiner: number, kind: number, unspacedLetters: number): boolean {
  switch (joiner) {
    case 0:
      if (kind === CharacterClass.unspacedLetter) return last === kind && unspacedLetters < LETTERS_PER_UNSPACED_WORD;
      return (
        (isLetterOrDigit(last) || last === CharacterClass.connector) &&
        (isLetterOrDigit(kind) || kind === CharacterClass.connector)
      );
    case CharacterClass.letterJoiner:
      return last === CharacterClass.letter && kind === last;
    case CharacterClass.digitJoiner:
      return last === CharacterClass.digit && kind === last;
    case CharacterClass.sameKindJoiner:
      return isLetterOrDigit(last) && kind === last;
    default:
      return isLetterOrDigit(last) && isLetterOrDigit(kind);
  }
}

/** UTF-16 units of a code point. */
function unitsOf(codePoint: number): number {
  return codePoint > 0xffff ? 2 : 1;
}
