/** The part a code point plays in the segmentation of `strict-words/1`. */
export const CharacterClass = {
  /** Ends a word: spaces, most punctuation, symbols, emoji. */
  separator: 1,
  /** Belongs to whatever precedes it: combining marks, variation selectors, joiners, format characters. */
  extension: 2,
  letter: 3,
  digit: 4,
  /** A word of its own: a Han ideograph, a kana or a bopomofo letter. */
  character: 5,
  /** A letter of a script that puts no spaces between words. */
  unspacedLetter: 6,
  /** Joins letters and digits without limit: the underscore and its relatives. */
  connector: 7,
  /** Joins two letters, like the middle dot of "col·legi". */
  letterJoiner: 8,
  /** Joins two digits, like the comma of "3,000". */
  digitJoiner: 9,
  /** Joins two letters or two digits, like the apostrophe of "don't" and the point of "3.14". */
  sameKindJoiner: 10,
  /** Joins any two of letters and digits, like the hyphen of "GPT-4o". */
  hyphen: 11,
} as const;
export type CharacterClass = (typeof CharacterClass)[keyof typeof CharacterClass];

const HYPHENS = "-\u2010\u2011";
/* Members of the Word_Break values MidNumLet and Single_Quote, MidLetter, MidNum of Unicode Standard
 * Annex 29. The colon and its forms are left out as in the CLDR root rules. U+066B is a digit there. */
const SAME_KIND_JOINERS = "'.\u2018\u2019\u2024\uFE52\uFF07\uFF0E";
const LETTER_JOINERS = "\u00B7\u0387\u055F\u05F4\u2027\uFE13";
const DIGIT_JOINERS = ",;\u037E\u0589\u060C\u060D\u066B\u066C\u07F8\u2044\uFE10\uFE14\uFE50\uFE54\uFF0C\uFF1B";

/* U+200B is a format character, but it stands for a space in Khmer, Thai and Burmese. */
const EXTENSION = /(?!\u200B)[\p{Grapheme_Extend}\p{M}\p{Cf}\p{Emoji_Modifier}]/u;
const CHARACTER =
  /(?:(?=[\p{Script_Extensions=Han}\p{Script_Extensions=Hiragana}\p{Script_Extensions=Katakana}])[\p{L}\p{Nl}])|\p{Script=Bopomofo}/u;
const UNSPACED_LETTER =
  /(?=[\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\p{Script=Tai_Le}\p{Script=New_Tai_Lue}\p{Script=Tai_Tham}\p{Script=Tai_Viet}])\p{L}/u;
const LETTER = /[\p{L}\p{Nl}]/u;
const DIGIT = /\p{Nd}/u;
const CONNECTOR = /\p{Pc}/u;

const CLASS_OF_CODE_POINT = new Uint8Array(0x110000);

/** The class of one code point (0 to 0x10FFFF), by the Unicode tables of the JavaScript engine. */
export function characterClass(codePoint: number): number {
  const known = CLASS_OF_CODE_POINT[codePoint] ?? 0;
  if (known !== 0) return known;
  const found = classify(String.fromCodePoint(codePoint));
  CLASS_OF_CODE_POINT[codePoint] = found;
  return found;
}

function classify(character: string): CharacterClass {
  if (HYPHENS.includes(character)) return CharacterClass.hyphen;
  if (SAME_KIND_JOINERS.includes(character)) return CharacterClass.sameKindJoiner;
  if (LETTER_JOINERS.includes(character)) return CharacterClass.letterJoiner;
  if (DIGIT_JOINERS.includes(character)) return CharacterClass.digitJoiner;
  if (EXTENSION.test(character)) return CharacterClass.extension;
  if (CHARACTER.test(character)) return CharacterClass.character;
  if (UNSPACED_LETTER.test(character)) return CharacterClass.unspacedLetter;
  if (LETTER.test(character)) return CharacterClass.letter;
  if (DIGIT.test(character)) return CharacterClass.digit;
  if (CONNECTOR.test(character)) return CharacterClass.connector;
  return CharacterClass.separator;
}
