import { canonicalJson, type JsonValue } from "./canonical-json.js";

const SHOWN = 60;

/** What differs first between two values, by its path, as a sentence; undefined when they are equal. */
export function firstDifference(before: JsonValue, after: JsonValue): string | undefined {
  return difference("", before, after);
}

function difference(path: string, before: JsonValue | undefined, after: JsonValue | undefined): string | undefined {
  const name = path === "" ? "the whole" : path;
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
