import { RunError } from "../../sdk/failure/failure.js";
import type { Judge as JudgeSpec } from "../../sdk/spec/judge.js";
import type { StageContext } from "../stages/context.js";
import type { Judge } from "./judge.js";

/** A user's function as a judge. */
export async function openProgramJudge(
  spec: Extract<JudgeSpec, { kind: "program" }>,
  context: Pick<StageContext, "userFunction">,
): Promise<Judge> {
  const answer = await context.userFunction(spec.function);
  return {
    async ask(request) {
      const reply = await answer([request], { item: request.item.id });
      if (typeof reply === "string") return { text: reply };
      throw new RunError({
        code: "user_code",
        facts: {
          function: spec.function.name,
          item: request.item.id,
          found: typeof reply,
          expected: "the judge's answer as text",
        },
      });
    },
  };
}
