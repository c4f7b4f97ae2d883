import type { JudgeRequest } from "longform";
import { assignmentOf } from "./world/assignment.js";
import { readText, type Reading } from "./world/reading.js";

/**
 * The judge of the miniature world: a program that knows what the pages show. It answers like a judge
 * behind an API, with a short analysis and then a JSON object of the six dimensions, and it always
 * gives the same answer to the same text.
 *
 * | dimension          | the share that is graded                                                  |
 * |--------------------|---------------------------------------------------------------------------|
 * | Relevance          | pages of the deck that the text opens                                      |
 * | Accuracy           | true facts, three a page; a missing page has none                          |
 * | Coherence          | the most pages that stand in the order of the deck                         |
 * | Clarity            | well-formed sentences; a note without a verb is none                       |
 * | Breadth and Depth  | words said, repetitions and foreign sentences left out, of the words asked |
 * | Reading Experience | further sentences that say something new, at least one a page expected     |
 *
 * | share | below 0.3 | from 0.3 | from 0.5 | from 0.7 | from 0.9 |
 * |-------|-----------|----------|----------|----------|----------|
 * | grade | 1         | 2        | 3        | 4        | 5        |
 *
 * So a true list of notes, one a page, has 5 in Relevance, Accuracy and Coherence, but 1 in Clarity and
 * in Reading Experience and at most 2 in Breadth and Depth: S_q of about 52.
 */
export function judge({ item, text }: JudgeRequest): string {
  const reading = readText(assignmentOf(item), text);
  const scores = {
    Relevance: grade(reading.coverage),
    Accuracy: grade(reading.truth),
    Coherence: grade(reading.order),
    Clarity: grade(reading.wellFormed),
    "Breadth and Depth": grade(reading.amount),
    "Reading Experience": grade(reading.variety),
  };
  return `${analysis(reading)}\n\n${JSON.stringify(scores, null, 2)}`;
}

const lowestShares = [0.3, 0.5, 0.7, 0.9];

/** 1 to 5 for a share from 0 to 1. */
export function grade(share: number): number {
  return 1 + lowestShares.filter((lowest) => share >= lowest).length;
}

function analysis({ coverage, truth, order, wellFormed, amount, variety }: Reading): string {
  return [
    `The text covers ${percent(coverage)} of the pages, ${percent(order)} of them in order,`,
    `and ${percent(truth)} of the facts are true.`,
    `${percent(wellFormed)} of its sentences are well-formed, it says ${percent(amount)} of what was asked,`,
    `and ${percent(variety)} of what follows an opening is new.`,
  ].join(" ");
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}
