import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { countPaperWords, countStrictWords, countWords, randomFromSeed, strictWords } from "../../sdk/method/index.js";
import { WORD_VECTORS } from "../golden/word-vectors.js";
import { countedLooks } from "./counted-looks.js";
import { fuzzedText } from "./fuzzed-text.js";

const MEGABYTE = 1_000_000;

/** Characters of every kind that either rule treats in its own way. */
const EVERY_KIND = [
  ..."aZbé0 7_'-.,;:’·\n\t/(",
  ..."\u4e00\u9fff模型\u3400\u{20bb7}々〇豈⺀",
  ..."のカーﾃﾞ한글ㄅไทยมี",
  ..."Жλשمहि\u0301\u093f\u200c\u200d\u200b\ufeff\u00ad",
  ..."²½①Ⅳ٣ａ０＿👍🏽️",
  "\ud83d",
  "\udc4d",
];

describe("both counters", () => {
  test.each(WORD_VECTORS)("count $text as recorded", ({ text, paper, strict }) => {
    expect({ paper: countWords(text, "paper-words/1"), strict: countWords(text, "strict-words/1") }).toEqual({
      paper,
      strict,
    });
  });

  test("count two texts with a space between them as the sum of both", () => {
    const random = randomFromSeed("additive");
    for (let round = 0; round < 500; round += 1) {
      const [one, other] = [fuzzedText(random, EVERY_KIND, 20), fuzzedText(random, EVERY_KIND, 20)];
      const both = `${one} ${other}`;
      expect(countPaperWords(both), both).toBe(countPaperWords(one) + countPaperWords(other));
      expect(countStrictWords(both), both).toBe(countStrictWords(one) + countStrictWords(other));
    }
  });

  test.each([
    ["one endless word", "a".repeat(MEGABYTE)],
    ["apostrophes", "'a".repeat(MEGABYTE / 2)],
    ["hyphens", "a-".repeat(MEGABYTE / 2)],
    ["digits and commas", "1,".repeat(MEGABYTE / 2)],
    ["ideographs", "字".repeat(MEGABYTE)],
    ["surrogate pairs", "\u{20bb7}".repeat(MEGABYTE / 2)],
    ["combining marks", `a${"\u0301".repeat(MEGABYTE - 1)}`],
    ["Thai without a space", "ก".repeat(MEGABYTE)],
  ])("look at each character of a megabyte of %s once", (_, text) => {
    const characters = [...text].length;
    expect(countedLooks("codePointAt", () => countPaperWords(text))).toBe(characters);
    expect(countedLooks("codePointAt", () => countStrictWords(text))).toBe(characters);
  });
});

describe("the paper's counter", () => {
  const Oracle = z.strictObject({ counts: z.array(z.int()), runs: z.array(z.tuple([z.int(), z.int()])) });
  const random = randomFromSeed("paper words against Python");
  const fuzzed = Array.from({ length: 2_000 }, () => fuzzedText(random, EVERY_KIND, 40));
  const texts = [...WORD_VECTORS.map(({ text }) => text), ...fuzzed];
  const python = process.env["LONGFORM_BOOTSTRAP_PYTHON"] ?? "python3";
  const script = new URL("paper_words_oracle.py", import.meta.url).pathname;

  test("counts as Python does, on the vectors, 2,000 random texts and after every character", () => {
    const printed = execFileSync(python, [script], { input: JSON.stringify(texts), encoding: "utf8", maxBuffer: 1e8 });
    const oracle = Oracle.parse(JSON.parse(printed));
    for (const [index, text] of texts.entries())
      expect(countPaperWords(text), JSON.stringify(text)).toBe(oracle.counts[index]);

    const different: string[] = [];
    let codePoint = 0;
    for (const [count, length] of oracle.runs)
      for (const end = codePoint + length; codePoint < end; codePoint += 1)
        if (count >= 0 && countPaperWords(`a${String.fromCodePoint(codePoint)}`) !== count)
          different.push(codePoint.toString(16));
    expect(codePoint).toBe(0x110000);
    expect(different).toEqual([]);
  });
});

describe("the strict counter", () => {
  /**
   * Scripts and signs whose words Unicode Standard Annex 29 finds without a dictionary; no hyphen. Korean
   * stands alone, because ICU cuts it from Latin letters; marks follow letters, because ICU gives a word
   * that ends in a mark after a sign the status of punctuation; underscores stand inside words, because
   * ICU calls two of them a word.
   */
  const SPACED = [
    ..."abcXYZéßøλΩЖщשלمر",
    ..."0123٣७",
    ..."     \n'’.,;·!?()/—…*#@&+",
    "e\u0301",
    "हि",
    "क्\u200dष",
    "co\u00adop",
    " 한국어 ",
    "👍🏽",
    "a__b",
    "2_",
    "don't",
    "3,000",
  ];

  test("finds the words that Intl.Segmenter finds where there is neither hyphen nor ideograph", () => {
    const segmenter = new Intl.Segmenter("en", { granularity: "word" });
    const random = randomFromSeed("strict words against the segmenter");
    for (let round = 0; round < 3_000; round += 1) {
      const text = fuzzedText(random, SPACED, 30);
      const expected = [...segmenter.segment(text)].filter(({ isWordLike }) => isWordLike).length;
      expect(countStrictWords(text), JSON.stringify(text)).toBe(expected);
    }
  });

  test("keeps every letter and digit in exactly one word", () => {
    const random = randomFromSeed("strict words cover the text");
    const letters = (text: string) => text.match(/[\p{L}\p{Nd}\p{Nl}]/gu) ?? [];
    for (let round = 0; round < 1_000; round += 1) {
      const text = fuzzedText(random, EVERY_KIND, 30).replaceAll("ﾞ", "");
      const words = strictWords(text);
      expect(letters(words.join(" ")), JSON.stringify(text)).toEqual(letters(text));
      expect(words.length).toBe(countStrictWords(text));
    }
  });

  test("counts every assigned Han ideograph of every block as one word", () => {
    for (let codePoint = 0; codePoint < 0x40000; codePoint += 1) {
      const character = codePoint >= 0xd800 && codePoint < 0xe000 ? "" : String.fromCodePoint(codePoint);
      if (!/\p{Unified_Ideograph}/u.test(character)) continue;
      if (countStrictWords(character + character) !== 2) expect.fail(`U+${codePoint.toString(16)}`);
    }
  });

  test.each([
    ["don't", ["don't"]],
    ["well-known, state-of-the-art", ["well-known", "state-of-the-art"]],
    ["GPT-4o v1.2", ["GPT-4o", "v1.2"]],
    ["'quoted' and \"quoted\"", ["quoted", "and", "quoted"]],
    ["模型GPT4好", ["模", "型", "GPT4", "好"]],
    ["\u{20bb7}\u{e0100}a", ["\u{20bb7}\u{e0100}", "a"]],
  ])("cuts %s into its words", (text, words) => {
    expect(strictWords(text)).toEqual(words);
  });
});
