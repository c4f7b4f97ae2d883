import { z } from "zod";

/**
 * A function of the user's, named by its module. It is bundled and hashed when the experiment is submitted, and called
 * in a thread of its own: with copies of plain data, and for plain data.
 */
export const UserFunction = z
  .strictObject({
    module: z.string().min(1).describe("Path or file URL of the module; `sha256:…` of its bundle once submitted."),
    name: z
      .string()
      .regex(/^[A-Za-z_$][\w$]*$/, "the name of an export")
      .describe("Name of the exported function."),
  })
  .readonly();
export type UserFunction = z.output<typeof UserFunction>;

/** Refers to the export `name` of `module`: `userFunction(new URL("./judge.ts", import.meta.url), "judge")`. */
export function userFunction(module: string | URL, name: string): UserFunction {
  return { module: String(module), name };
}
