import type { Grammar } from "./grammar.js";
import { names } from "./names.js";

const numerals = ["one", "two", "three", "four", "five", "six"];
const numbered = [...numerals.entries()].map(([index, word]): [number, string] => [index + 1, word]);
const pages = names(numbered, "^Slide (ALL)\\b");
const counts = names(numbered.slice(0, 4), "\\b(ALL)\\b");
const colours = names(
  [
    ["red", "red"],
    ["blue", "blue"],
    ["green", "green"],
    ["yellow", "yellow"],
    ["purple", "purple"],
    ["black", "black"],
  ],
  "\\b(ALL)\\b",
);
const shapes = names(
  [
    ["ring", "ring"],
    ["square", "square"],
    ["bar", "bar"],
  ],
  "\\b(ALL)s?\\b",
);

const manners = ["calmly", "slowly", "gladly", "simply"];
const qualities = ["quiet", "bright", "simple", "clear"];
const looks = (order: string) => manners.map((manner) => `${order} we ${manner} look closer.`);
const points = (order: string) => qualities.map((quality) => `${order} comes a ${quality} point.`);
const details = (order: string) => qualities.map((quality) => `${order} every ${quality} detail counts.`);

/** Openings of five words ("Slide two: three red rings."), six with their verb; five a sentence after. */
export const english: Grammar = {
  instruction: (requiredLength) => `Write a script of about ${requiredLength} words.`,
  opening({ page, count, colour, shape }, form) {
    const [plural, verb] = count === 1 ? ["", " appears"] : ["s", " appear"];
    const note = `${counts.name(count)} ${colours.name(colour)} ${shapes.name(shape)}${plural}`;
    return `Slide ${pages.name(page)}: ${note}${form === "note" ? "" : verb}.`;
  },
  following: [
    [...looks("First"), ...points("First")],
    [...points("Next"), ...details("Next")],
    [...details("Then"), ...looks("Then")],
  ],
  gap: " ",
  lengthStep: 4,
  sentences: (text) => text.split(/(?<=\.)\s+|\n+/u).flatMap((part) => part.trim() || []),
  read(sentence) {
    const page = pages.find(sentence);
    if (page === undefined) return undefined;
    const rest = sentence.replace(/^Slide \w+/u, "");
    return {
      page,
      count: counts.find(rest),
      colour: colours.find(rest),
      shape: shapes.find(rest),
    };
  },
};
