import { z } from "zod";
import { nearestKey } from "../../sdk/experiment/nearest-key.js";
import { specKinds } from "../../sdk/spec/index.js";
import { ExitCode } from "./exit-code.js";
import { UsageError } from "./usage-error.js";

export interface SchemaOptions {
  readonly kind: string;
  readonly example: boolean;
  readonly json: boolean;
}

/** Prints the schema or the example of a kind of spec; on one line with --json. */
export function printSchema({ kind, example, json }: SchemaOptions): number {
  const found = Object.entries(specKinds).find(([name]) => name === kind)?.[1];
  if (found === undefined) {
    const names = Object.keys(specKinds);
    const nearest = nearestKey(kind, names);
    throw new UsageError(
      `There is no spec of kind "${kind}". ${nearest === undefined ? `There are ${names.join(", ")}.` : `Did you mean ${nearest}?`}`,
    );
  }
  const value = example ? found.example : z.toJSONSchema(found.schema, { io: "input", unrepresentable: "any" });
  process.stdout.write(`${JSON.stringify(value, null, json ? 0 : 2)}\n`);
  return ExitCode.done;
}
