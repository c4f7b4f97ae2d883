import { z } from "zod";
import { UserFunction, userFunction } from "./user-function.js";

const ProgramJudge = z
  .strictObject({
    kind: z.literal("program").describe("A function of the user's."),
    function: UserFunction.describe("The function; it answers in the format of an API judge."),
  })
  .readonly();

const ScriptedJudge = z
  .strictObject({
    kind: z.literal("scripted").describe("Answers the same to everything and asks nobody: for rehearsals and tests."),
    reply: z.string().min(1).describe("The answer, in the format of an API judge."),
  })
  .readonly();

/** Who gives the quality scores. */
export const Judge = z.discriminatedUnion("kind", [ProgramJudge, ScriptedJudge]);
export type Judge = z.output<typeof Judge>;
export type JudgeInput = z.input<typeof Judge>;

/** A judge that is an exported function: for worlds in which the truth is known. */
export function programJudge(module: string | URL, name: string): JudgeInput {
  return { kind: "program", function: userFunction(module, name) };
}
