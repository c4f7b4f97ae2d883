import { z } from "zod";

// A wire message is one strict zod object whose input is what proto-loader reads and writes and whose
// output is what the rest of the code works with. So each field is named once, an unknown, missing or
// ill-typed field is refused in both directions (proto-loader would drop it or turn it into zero), and
// a test compares the names with the loaded descriptors.

/** `uint32`. */
export const uint32 = z
  .number()
  .int()
  .min(0)
  .max(2 ** 32 - 1);

/** `uint64`: digits on the wire, a number in the code; what a number cannot hold exactly is refused. */
export const uint64 = z.codec(z.string().regex(/^\d+$/), z.number().int().min(0).max(Number.MAX_SAFE_INTEGER), {
  decode: (digits, context) => {
    const value = Number(digits);
    if (Number.isSafeInteger(value)) return value;
    context.issues.push({ code: "custom", input: digits, message: `${digits} is beyond 2^53` });
    return z.NEVER;
  },
  encode: String,
});

/** `google.protobuf.Timestamp`, as an ISO 8601 text with milliseconds. */
export const timestamp = z.codec(
  z.strictObject({ seconds: uint64, nanos: z.number().int().min(0).max(999_999_999).default(0) }),
  z.iso.datetime(),
  {
    decode: ({ seconds, nanos }) => new Date(seconds * 1_000 + Math.floor(nanos / 1_000_000)).toISOString(),
    encode: (time) => {
      const milliseconds = Date.parse(time);
      return { seconds: Math.floor(milliseconds / 1_000), nanos: (milliseconds % 1_000) * 1_000_000 };
    },
  },
);

/** An enum: `PREFIX_SOME_WORD` on the wire, `someWord` or `some_word` in the code. `PREFIX_UNSPECIFIED` is refused. */
export function enumeration<const Word extends string>(prefix: string, words: readonly Word[]) {
  const wireName = (word: string) => `${prefix}_${word.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
  const byWireName = new Map(words.map((word) => [wireName(word), word]));
  return z.codec(z.string(), z.enum(words), {
    decode: (name, context) => {
      const word = byWireName.get(name);
      if (word !== undefined) return word;
      context.issues.push({
        code: "custom",
        input: name,
        message: `${name} is none of ${[...byWireName.keys()].join(", ")}`,
      });
      return z.NEVER;
    },
    encode: wireName,
  });
}

/** A message as proto-loader reads and writes it. */
export type Message<Value = unknown> = z.ZodType<Value, object>;

/** Which rpc of which service. */
export interface RpcName {
  readonly service: "RunnerService" | "WorkerService";
  readonly name: string;
}

/** One rpc: its name and the messages it takes and gives. */
export interface Rpc<Request, Reply> extends RpcName {
  readonly request: Message<Request>;
  readonly reply: Message<Reply>;
}

/** A check that exactly one of the fields of a `oneof` is set. */
export function exactlyOne<Field extends string>(fields: readonly Field[]) {
  return {
    check: (message: { readonly [Name in Field]?: unknown }) =>
      fields.filter((field) => message[field] !== undefined).length === 1,
    error: `exactly one of ${fields.join(", ")} must be set`,
  };
}
