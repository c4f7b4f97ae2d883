import { z } from "zod";
import { UserFunction, userFunction } from "./user-function.js";

const ProgramJudge = z
  .strictObject({
    kind: z.literal("program").describe("A function of the user's."),
    function: UserFunction.describe("The function; it answers in the format of an API judge."),
  })
  .readonly();

/** Who gives the quality scores. */
export const Judge = z.discriminatedUnion("kind", [ProgramJudge]);
export type Judge = z.output<typeof Judge>;
export type JudgeInput = z.input<typeof Judge>;

/** A judge that is an exported function: for worlds in which the truth is known. */
export function programJudge(module: string | URL, name: string): JudgeInput {
  return { kind: "program", function: userFunction(module, name) };
}
