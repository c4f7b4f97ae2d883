import { describe, expect, test } from "vitest";
import { grade, judge } from "../../../examples/miniature/judge.js";
import { trueFacts } from "../../../examples/miniature/measures.js";
import { benchItems } from "../../../examples/miniature/world.js";
import type { DeckFacts, PageFacts } from "../../../examples/miniature/world/facts.js";
import { grammarOf, languages } from "../../../examples/miniature/world/grammar.js";
import type { MiniatureItem } from "../../../examples/miniature/world/rows.js";
import { shortText } from "../../../examples/miniature/world/texts.js";
import { parseJudgeReply } from "../../../sdk/method/judge-reply.js";
import { type DimensionScores, qualityScore } from "../../../sdk/method/quality-score.js";
import type { BenchItem, JudgeRequest } from "../../../sdk/spec/rows.js";
import { fullText } from "./full-text.js";

const items = benchItems({ seed: 8, count: 60 }).map(stored);
const item = fourPagesWithThreeSentences();
const reference = fullText(item);
const allFives = { relevance: 5, accuracy: 5, coherence: 5, clarity: 5, breadthAndDepth: 5, readingExperience: 5 };
const allOnes = { relevance: 1, accuracy: 1, coherence: 1, clarity: 1, breadthAndDepth: 1, readingExperience: 1 };

describe("the judge", () => {
  test.each(languages)("gives a full true text all fives, in %s", (language) => {
    for (const each of items.filter((each) => each.language === language)) {
      expect(scores(each, fullText(each))).toEqual(allFives);
      expect(trueFacts(each, fullText(each))).toBe(1);
    }
  });

  test.each(languages)("gives true notes alone 50 to 55 of 100, in %s", (language) => {
    for (const each of items.filter((each) => each.language === language)) {
      const notes = scores(each, shortText(each.facts, language));
      expect(notes).toMatchObject({ relevance: 5, accuracy: 5, coherence: 5, clarity: 1, readingExperience: 1 });
      expect(qualityScore(notes)).toBeGreaterThanOrEqual(50);
      expect(qualityScore(notes)).toBeLessThan(55);
      expect(trueFacts(each, shortText(each.facts, language))).toBe(1);
    }
  });

  test.each(["", "  \n", "I cannot see any slides.", "第", "{}", '{"Relevance": 5}'])("gives %j all ones", (text) => {
    expect(scores(item, text)).toEqual(allOnes);
    expect(trueFacts(item, text)).toBe(0);
  });

  test("answers in the format of an API judge, equally every time", () => {
    const answer = judge(request(item, reference));
    expect(judge({ ...request(item, reference), verdictIndex: 3 })).toBe(answer);
    expect(answer).toMatch(/^The text covers 100 % of the pages.+\n\n\{/);
  });

  test("false facts cost Accuracy alone, page by page", () => {
    const wrong = (pages: number): DeckFacts =>
      item.facts.map((facts, index) => (index < pages ? falsified(facts) : facts));
    const accuracies = [0, 1, 2, 3, 4].map((pages) => {
      const { accuracy, ...others } = scores(item, fullText({ ...item, facts: wrong(pages) }));
      expect(others).toEqual({ ...allFives, accuracy: undefined });
      return accuracy;
    });
    expect(accuracies).toEqual([5, 4, 3, 1, 1]);
  });

  test("each missing page costs Relevance, Accuracy, Coherence and Breadth, never the other way", () => {
    const all = reference.split("\n");
    const rows = [4, 3, 2, 1, 0].map((kept) => scores(item, all.slice(0, kept).join("\n")));
    for (const key of ["relevance", "accuracy", "coherence", "breadthAndDepth"] as const) {
      expect(rows.map((row) => row[key])).toEqual([5, 4, 3, 1, 1]);
    }
  });

  test("pages in another order cost Coherence alone", () => {
    const [first = "", second = "", third = "", fourth = ""] = reference.split("\n");
    const swapped = scores(item, [second, first, third, fourth].join("\n"));
    expect(swapped).toEqual({ ...allFives, coherence: 4 });
    expect(scores(item, [fourth, third, second, first].join("\n"))).toEqual({ ...allFives, coherence: 1 });
  });

  test("the same further sentence on every page costs Reading Experience, and what it repeats is not counted as said", () => {
    const grammar = grammarOf(item.language);
    const [one = ""] = grammar.following[0] ?? [];
    const dull = item.facts.map((facts) => [grammar.opening(facts, "sentence"), one, one].join(grammar.gap)).join("\n");
    expect(scores(item, dull)).toEqual({ ...allFives, readingExperience: 1, breadthAndDepth: 2 });
  });

  test("foreign or broken sentences cost Clarity and are not counted as said", () => {
    const broken = reference.replaceAll("First", "Firstly").replaceAll("Next", "Nextly");
    const found = scores(item, broken);
    expect(found).toMatchObject({ relevance: 5, accuracy: 5, coherence: 5 });
    expect(found).toMatchObject({ clarity: 2, breadthAndDepth: 2, readingExperience: 1 });
    const disagreeing = reference.replace(/appears?\./g, (verb) => (verb === "appear." ? "appears." : "appear."));
    expect(scores(item, disagreeing)).toMatchObject({ accuracy: 5, clarity: 3, readingExperience: 5 });
  });

  test("pages that the deck does not have cost Relevance", () => {
    const invented = `${reference}\nSlide five: one red ring appears.\nSlide six: one red ring appears.`;
    expect(scores(item, invented).relevance).toBe(3);
    expect(trueFacts(item, invented)).toBe(1);
  });

  test("saying a page twice counts its first statement and costs Coherence", () => {
    const twice = `${reference}\n${reference}`;
    expect(trueFacts(item, twice)).toBe(1);
    expect(scores(item, twice)).toMatchObject({ coherence: 3, readingExperience: 3 });
  });

  test("an item of another world is refused by its name", () => {
    expect(() => trueFacts({ ...item, facts: [{ page: 1, colour: "mauve" }] }, "")).toThrow(/bench-8-.*facts/s);
  });
});

test("grades rise with the share at 0.3, 0.5, 0.7 and 0.9 and stay from 1 to 5", () => {
  expect([0, 0.29, 0.3, 0.49, 0.5, 0.69, 0.7, 0.89, 0.9, 1].map(grade)).toEqual([1, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
  const grades = Array.from({ length: 101 }, (_, step) => grade(step / 100));
  expect(grades.every((each, index) => each >= (grades[index - 1] ?? 1))).toBe(true);
});

type StoredItem = BenchItem & Pick<MiniatureItem, "facts" | "language">;

/** As judges see it: images are no longer drawings. */
function stored(item: MiniatureItem): StoredItem {
  const images = item.images.map(() => ({ sha256: "0".repeat(64), width: 28, height: 28 }));
  return { ...item, images };
}

function fourPagesWithThreeSentences(): StoredItem {
  const found = items.find(({ language, requiredLength }) => language === "en" && requiredLength === 64);
  if (found?.facts.length !== 4) throw new Error("no English item of four pages and 64 words");
  return found;
}

function falsified(facts: PageFacts): PageFacts {
  return {
    ...facts,
    count: (facts.count % 4) + 1,
    colour: facts.colour === "blue" ? "green" : "blue",
    shape: facts.shape === "bar" ? "ring" : "bar",
  };
}

function request(item: StoredItem, text: string): JudgeRequest {
  return { item, text, prompt: "unused", verdictIndex: 0 };
}

function scores(asked: StoredItem, text: string): DimensionScores {
  const verdict = parseJudgeReply({ text: judge(request(asked, text)) });
  if (verdict.status !== "judged") throw new Error(`${verdict.status}: ${verdict.reason}`);
  return verdict.scores;
}
