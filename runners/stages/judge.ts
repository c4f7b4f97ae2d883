import { canonicalJson, type JsonValue, toJson } from "../../sdk/experiment/canonical-json.js";
import { failureOf, RunError } from "../../sdk/failure/failure.js";
import { JUDGE_PROMPT_ID, type JudgeReply, judgePrompt, parseJudgeReply } from "../../sdk/method/index.js";
import type { JudgeNode } from "../../sdk/plan/stages.js";
import { readJsonLines } from "../../sdk/run-folder/json-lines.js";
import type { BenchItem } from "../../sdk/spec/rows.js";
import { openJudge } from "../judges/judge.js";
import type { StageContext } from "./context.js";
import { forEachInFlight } from "./in-flight.js";
import type { Inputs } from "./inputs.js";
import type { VerdictsResult } from "./results.js";
import { readItems, Sample, sampleName, StoredVerdict } from "./samples.js";

export const version = 1;

/** Questions open at one time. */
const QUESTIONS_IN_FLIGHT = 8;

export function parts(node: JudgeNode, inputs: Inputs): JsonValue {
  return {
    items: inputs.rows(node.items).file.sha256,
    texts: inputs.texts(node.texts).file.sha256,
    judge: toJson(node.spec.judge),
    prompt: JUDGE_PROMPT_ID,
  };
}

/** Asks the judge about every text that has no verdict yet; a reply is stored before it counts. */
export async function run(node: JudgeNode, context: StageContext): Promise<VerdictsResult> {
  const { blobs } = context.store;
  const judge = await openJudge(node.spec.judge, context);
  const items = new Map((await readItems(context.inputs.rows(node.items).file, blobs)).map((item) => [item.id, item]));
  const samples = await readJsonLines(context.inputs.texts(node.texts).file, Sample, blobs);
  const verdicts = await storedVerdicts(node, context);
  const missing = samples.filter(({ item, sample }) => !verdicts.has(sampleName(item, sample)));
  let done = samples.length - missing.length;
  await forEachInFlight(missing, QUESTIONS_IN_FLIGHT, async (sample) => {
    context.signal.throwIfAborted();
    const line = await verdictOn(sample, items.get(sample.item), judge, context);
    await context.emit({ type: "verdict", stage: node.id, key: context.key, ...line });
    verdicts.set(sampleName(line.item, line.sample), line);
    done += 1;
    await context.emit({ type: "progress", stage: node.id, done, total: samples.length, unit: "verdicts" });
  });
  const lines = samples
    .map(({ item, sample }) => verdicts.get(sampleName(item, sample)))
    .filter((line) => line !== undefined);
  const failed = lines.filter((line) => line.verdict === "error");
  if (failed.length > 0 && failed.length === lines.filter((line) => line.verdict !== "skipped").length)
    throw new RunError({
      code: "judge_unreachable",
      detail: failed[0]?.failure?.detail,
      facts: { ...failed[0]?.failure?.facts, verdicts: `all ${failed.length} failed` },
    });
  const file = await blobs.putText(lines.map((line) => `${canonicalJson(toJson(line))}\n`).join(""));
  const replies = lines.flatMap((line) => (line.reply === undefined ? [] : [line.reply]));
  return { kind: "verdicts", file, replies, failed: failed.length };
}

/** Verdicts of an earlier run or of an interrupted attempt under the same key. A judge that failed is asked again. */
async function storedVerdicts(node: JudgeNode, context: StageContext): Promise<Map<string, StoredVerdict>> {
  const verdicts = new Map<string, StoredVerdict>();
  if (context.partial?.kind === "verdicts")
    for (const line of await readJsonLines(context.partial.file, StoredVerdict, context.store.blobs))
      if (line.verdict !== "error") verdicts.set(sampleName(line.item, line.sample), line);
  for (const { event } of context.store.stored()) {
    if (event.type !== "verdict" || event.stage !== node.id || event.key !== context.key || event.verdict === "error")
      continue;
    const { type: _type, stage: _stage, key: _key, ...verdict } = event;
    verdicts.set(sampleName(verdict.item, verdict.sample), verdict);
  }
  return verdicts;
}

async function verdictOn(
  sample: Sample,
  item: BenchItem | undefined,
  judge: Awaited<ReturnType<typeof openJudge>>,
  context: StageContext,
): Promise<StoredVerdict> {
  const name = { item: sample.item, sample: sample.sample };
  if (item === undefined)
    throw new RunError({ code: "store_corrupt", facts: { item: sample.item, found: "a text of no item" } });
  if (sample.finish === "error" || sample.finish === "abort") return { ...name, verdict: "skipped" };
  const { blobs } = context.store;
  const text = await blobs.readText(sample.text);
  const prompt = judgePrompt({ request: item.prompt, response: text, imageCount: item.images.length });
  let reply: JudgeReply;
  try {
    reply = await judge.ask({ item, text, prompt: prompt.text, verdictIndex: 0 });
  } catch (error) {
    // That the run ends is no answer of the judge's.
    context.signal.throwIfAborted();
    return { ...name, verdict: "error", failure: failureOf(error) };
  }
  const stored = await blobs.putText(canonicalJson(toJson(reply)));
  return { ...name, verdict: parseJudgeReply(reply).status, reply: stored };
}
