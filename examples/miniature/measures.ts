import type { BenchItem } from "longform";
import { assignmentOf } from "./world/assignment.js";
import { readText } from "./world/reading.js";

/** Share of the deck's facts (count, colour, shape of every page) that a text states truly, from 0 to 1. */
export function trueFacts(item: BenchItem, text: string): number {
  return readText(assignmentOf(item), text).truth;
}
