import type { JudgeReply } from "../../sdk/method/index.js";
import type { Judge as JudgeSpec } from "../../sdk/spec/judge.js";
import type { JudgeRequest } from "../../sdk/spec/rows.js";
import type { StageContext } from "../stages/context.js";
import { openProgramJudge } from "./program-judge.js";

/** Whoever answers judge prompts. `longform/method` reads the scores out of the answer. */
export interface Judge {
  /** The answer to one prompt. Rejects when no answer came. */
  ask(request: JudgeRequest): Promise<JudgeReply>;
}

/** The judge that a spec names, ready to be asked: a judge that cannot be had fails here. */
export async function openJudge(spec: JudgeSpec, context: Pick<StageContext, "userFunction">): Promise<Judge> {
  switch (spec.kind) {
    case "program":
      return await openProgramJudge(spec, context);
    case "scripted":
      return { ask: async () => ({ text: spec.reply }) };
  }
}
