import type { JsonValue } from "../../sdk/experiment/canonical-json.js";
import { firstDifference } from "../../sdk/experiment/first-difference.js";

/** Why a stage runs again: the first part of its key that is not what it was, by its path. */
export function explainMiss(oldParts: JsonValue, newParts: JsonValue): string {
  return firstDifference(oldParts, newParts) ?? "nothing in its key has changed";
}
