import { describe, expect, test } from "vitest";
import {
  countStrictWords,
  randomFromSeed,
  repetition,
  strictWords,
  withoutTrailingLoop,
} from "../../sdk/method/index.js";
import { countedLooks } from "./counted-looks.js";
import { fuzzedText } from "./fuzzed-text.js";
import { thrownFault } from "./thrown-fault.js";

describe("repetition", () => {
  test("of a text without a repeated n-gram is 0 of its n-grams", () => {
    expect(repetition("one two three four five")).toEqual({
      status: "measured",
      n: 4,
      total: 2,
      repeated: 0,
      share: 0,
    });
  });

  test("counts an n-gram from its second occurrence on, whatever its case and punctuation", () => {
    expect(repetition("The red ring. the Red, ring the red ring", 3)).toMatchObject({ total: 7, repeated: 4 });
    expect(repetition("a b a b a b", 2)).toMatchObject({ total: 5, repeated: 3, share: 0.6 });
    expect(repetition("三个红环三个红环", 4)).toMatchObject({ total: 5, repeated: 1 });
  });

  test("of k copies of a text nears 1 - 1/k", () => {
    const page = Array.from({ length: 400 }, (_, index) => `w${index}`).join(" ");
    const measured = repetition(`${page} `.repeat(5));
    if (measured.status !== "measured") throw new Error("not measured");
    expect(measured.share).toBeCloseTo(0.8, 2);
  });

  test("of a text with fewer than n words is no number", () => {
    expect(repetition("")).toEqual({ status: "too_short", n: 4, words: 0 });
    expect(repetition("one two three")).toEqual({ status: "too_short", n: 4, words: 3 });
  });

  test("equals the count of joined n-grams on random texts", () => {
    const random = randomFromSeed("repetition");
    for (let round = 0; round < 300; round += 1) {
      const text = fuzzedText(random, ["a ", "b ", "c ", "字", "d-e "], 60);
      const words = strictWords(text);
      for (const n of [1, 2, 3, 5]) {
        const grams = words.slice(n - 1).map((_, start) => words.slice(start, start + n).join(" "));
        const expected =
          grams.length === 0 ? { status: "too_short" } : { repeated: grams.length - new Set(grams).size };
        expect(repetition(text, n)).toMatchObject(expected);
      }
    }
  });

  test.each([0, 1.5, Number.NaN])("refuses n of %f", (n) => {
    expect(thrownFault(() => repetition("a b c", n))).toMatchObject({ code: "option_invalid", option: "n" });
  });
});

describe("a text without its trailing loop", () => {
  const story = "Once there was a ring. ";
  const loop = "It was red, it was round. ";

  test("is the same however often the loop ran and wherever it was cut", () => {
    for (const copies of [3, 4, 50])
      for (let cut = 0; cut < loop.length; cut += 1) {
        const text = story + loop.repeat(copies) + loop.slice(0, cut);
        const shortened = withoutTrailingLoop(text);
        expect(story + loop.repeat(2)).toContain(shortened.trim());
        // The copy that stays starts wherever the period first fits, so the text ends up to a word around it.
        expect(Math.abs(countStrictWords(shortened) - countStrictWords(story + loop))).toBeLessThanOrEqual(1);
      }
  });

  test("is unchanged where a piece stands only twice", () => {
    expect(withoutTrailingLoop(`${story}${loop}${loop}`)).toBe(`${story}${loop}${loop}`.trimEnd());
    expect(withoutTrailingLoop("")).toBe("");
    expect(withoutTrailingLoop("abcab")).toBe("abcab");
  });

  test("never splits a surrogate pair", () => {
    // The first character ends in the same unit as the second, so the loop reaches into it.
    for (const text of ["\u{1fa00}😀😀😀", "a😀😁😀😁😀😁", "😀😀😀😀", "x😁😀😁😀😁😀😁"])
      expect(withoutTrailingLoop(text)).not.toMatch(/\p{Surrogate}/u);
    expect(withoutTrailingLoop("😀😀😀😀")).toBe("😀");
  });

  test.each([
    ["one letter", "a".repeat(1_000_000)],
    ["a loop after a story", story + loop.repeat(40_000)],
    ["near misses", `${"a".repeat(499_999)}b`.repeat(2)],
    ["no loop", Array.from({ length: 150_000 }, (_, index) => index).join(" ")],
  ])("is found in a megabyte of %s with at most six looks a character", (_, text) => {
    const looks = countedLooks("charCodeAt", () => withoutTrailingLoop(text));
    expect(looks).toBeLessThanOrEqual(6 * text.length);
  });
});
