import { z } from "zod";
import { enumeration } from "../../sdk/client/wire.js";
import { Failure, FailureCode } from "../../sdk/failure/failure.js";

/** `Failure` as it crosses a border. Empty texts mean "none" on the wire. */
export const WireFailure = z.codec(
  z.strictObject({
    code: enumeration("FAILURE_CODE", FailureCode.options),
    detail: z.string().optional(),
    fieldPath: z.string().optional(),
    facts: z.record(z.string(), z.string()),
  }),
  Failure,
  {
    decode: ({ code, detail, fieldPath, facts }) => ({
      code,
      facts,
      ...(detail ? { detail } : {}),
      ...(fieldPath ? { fieldPath } : {}),
    }),
    encode: (failure) => ({ ...failure, facts: failure.facts ?? {} }),
  },
);
