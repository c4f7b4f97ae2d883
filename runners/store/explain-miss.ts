import { canonicalJson, type JsonValue } from "../../sdk/experiment/canonical-json.js";

const SHOWN = 60;

/** Why a stage runs again: the first part of its key that is not what it was, by its path. */
export function explainMiss(oldParts: JsonValue, newParts: JsonValue): string {
  return difference("", oldParts, newParts) ?? "nothing in its key has changed";
}

function difference(path: string, before: JsonValue | undefined, after: JsonValue | undefined): string | undefined {
  const name = path === "" ? "the key" : path;
  if (before === undefined) return after === undefined ? undefined : `${name} is new: ${shown(after)}`;
  if (after === undefined) return `${name} is gone; it was ${shown(before)}`;
  if (canonicalJson(before) === canonicalJson(after)) return undefined;
  const [old, now] = [fields(before), fields(after)];
  if (old === undefined || now === undefined || Array.isArray(before) !== Array.isArray(after))
    return `${name} was ${shown(before)} and is ${shown(after)}`;
  for (const key of new Set([...old.keys(), ...now.keys()])) {
    const found = difference(path === "" ? key : `${path}.${key}`, old.get(key), now.get(key));
    if (found !== undefined) return found;
  }
  return undefined;
}

function fields(value: JsonValue): Map<string, JsonValue> | undefined {
  return typeof value === "object" && value !== null ? new Map(Object.entries(value)) : undefined;
}

function shown(value: JsonValue): string {
  const text = canonicalJson(value);
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN - 1)}…`;
}
