import { createHash } from "node:crypto";
import { z } from "zod";

export type JsonValue = z.core.util.JSONType;

/** The one text of a JSON value: keys sorted by code unit, no white space. Equal values give equal bytes. */
export function canonicalJson(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (value !== null && typeof value === "object") {
    const fields = Object.keys(value)
      .toSorted()
      .flatMap((key) => {
        const field = value[key];
        return field === undefined ? [] : [`${JSON.stringify(key)}:${canonicalJson(field)}`];
      });
    return `{${fields.join(",")}}`;
  }
  if (typeof value === "number" && !Number.isFinite(value)) throw new RangeError(`${value} has no place in JSON`);
  return JSON.stringify(value);
}

/** SHA-256 in hexadecimal of text (as UTF-8) or bytes. */
export function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** Any plain data as a JSON value: what JSON cannot carry is an error, undefined fields are left out. */
export function toJson(value: unknown): JsonValue {
  return z.json().parse(JSON.parse(JSON.stringify(value)));
}
