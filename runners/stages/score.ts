import { z } from "zod";
import { canonicalJson, type JsonValue, toJson } from "../../sdk/experiment/canonical-json.js";
import { RunError } from "../../sdk/failure/failure.js";
import {
  type BenchScore,
  type ItemRecord,
  meanOverItems,
  parseJudgeReply,
  scoreBench,
  SCORING_PROFILES,
  type ScoringProfileId,
  type Verdict,
} from "../../sdk/method/index.js";
import type { ScoreNode } from "../../sdk/plan/stages.js";
import type { BenchResult, MeasureResult } from "../../sdk/run-folder/results.js";
import { readJsonLines } from "../../sdk/run-folder/json-lines.js";
import type { BenchItem } from "../../sdk/spec/rows.js";
import type { UserFunction } from "../../sdk/spec/user-function.js";
import type { StageContext } from "./context.js";
import type { Inputs } from "./inputs.js";
import type { ScoresResult } from "./results.js";
import { readItems, Sample, sampleName, StoredVerdict } from "./samples.js";

export const version = 1;

/** Seed of the bootstrap: intervals are the same for the same texts and verdicts. */
const BOOTSTRAP_SEED = "longform/score/1";

export function parts(node: ScoreNode, inputs: Inputs): JsonValue {
  return {
    items: inputs.rows(node.items).file.sha256,
    texts: inputs.texts(node.texts).file.sha256,
    verdicts: inputs.verdicts(node.verdicts).file.sha256,
    stage: node.id,
    profile: node.spec.profile,
    // Every profile is reported, and each names the version of its word counter.
    profiles: toJson(SCORING_PROFILES),
    measures: toJson(node.spec.measures),
  };
}

/** Scores the texts under every profile and asks the user's measures. */
export async function run(node: ScoreNode, context: StageContext): Promise<ScoresResult> {
  const sources = {
    items: context.inputs.rows(node.items).file,
    texts: context.inputs.texts(node.texts).file,
    verdicts: context.inputs.verdicts(node.verdicts).file,
  };
  const records = await readRecords(sources, context);
  const score = (profile: ScoringProfileId): BenchScore => scoreBench(records, { profile, seed: BOOTSTRAP_SEED });
  const measures: Record<string, MeasureResult> = {};
  const items = await readItems(sources.items, context.store.blobs);
  for (const [name, reference] of Object.entries(node.spec.measures))
    measures[name] = await measure(name, reference, items, records, context);
  const result: BenchResult = {
    stage: node.id,
    score: score(node.spec.profile),
    profiles: {
      strict: score("strict").scores,
      "paper-eq6": score("paper-eq6").scores,
      "paper-code": score("paper-code").scores,
    },
    measures,
    sources,
  };
  return { kind: "scores", file: await context.store.blobs.putText(canonicalJson(toJson(result))) };
}

async function readRecords(sources: BenchResult["sources"], context: StageContext): Promise<ItemRecord[]> {
  const { blobs } = context.store;
  const items = new Map((await readItems(sources.items, blobs)).map((item) => [item.id, item]));
  const verdicts = new Map(
    (await readJsonLines(sources.verdicts, StoredVerdict, blobs)).map((line) => [
      sampleName(line.item, line.sample),
      line,
    ]),
  );
  const records: ItemRecord[] = [];
  for (const sample of await readJsonLines(sources.texts, Sample, blobs)) {
    const item = items.get(sample.item);
    if (item === undefined)
      throw new RunError({ code: "store_corrupt", facts: { item: sample.item, found: "a text of no item" } });
    records.push({
      id: item.id,
      sample: sample.sample,
      requiredLength: item.requiredLength,
      language: item.language,
      task: item.task,
      text: await blobs.readText(sample.text),
      finish: sample.finish,
      verdict: await verdictOf(verdicts.get(sampleName(item.id, sample.sample)), context),
    });
  }
  return records;
}

async function verdictOf(stored: StoredVerdict | undefined, context: StageContext): Promise<Verdict> {
  if (stored?.reply !== undefined)
    return parseJudgeReply(Reply.parse(JSON.parse(await context.store.blobs.readText(stored.reply))));
  if (stored === undefined || stored.verdict === "skipped")
    return { status: "skipped", reason: "there was no text to judge" };
  return { status: "error", reason: stored.failure?.detail ?? stored.failure?.code ?? "no answer" };
}

const Reply = z.strictObject({ text: z.string(), refusal: z.string().exactOptional() });

async function measure(
  name: string,
  reference: UserFunction,
  items: readonly BenchItem[],
  records: readonly ItemRecord[],
  context: StageContext,
): Promise<MeasureResult> {
  const call = await context.userFunction(reference);
  const byId = new Map(items.map((item) => [item.id, item]));
  const values: { item: string; sample: number; value: number }[] = [];
  for (const record of records) {
    if (record.finish === "error" || record.finish === "abort") continue;
    const found = await call([byId.get(record.id), record.text], { item: record.id });
    const value = z.number().min(0).max(1).safeParse(found);
    if (!value.success)
      throw new RunError({
        code: "user_code",
        facts: { function: reference.name, item: record.id, found: String(found), expected: "a number from 0 to 1" },
      });
    values.push({ item: record.id, sample: record.sample ?? 0, value: value.data });
  }
  const observations = values.map(({ item, value }) => ({ id: item, value }));
  return { mean: meanOverItems(observations, items.length, { seed: `${BOOTSTRAP_SEED}/${name}` }), values };
}
