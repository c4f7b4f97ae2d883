import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { z } from "zod";
import { canonicalJson, sha256, toJson } from "../experiment/canonical-json.js";
import { RunError } from "../failure/failure.js";
import { type ItemScore, pairedDifference } from "../method/index.js";
import type {
  ReportDifference,
  ReportSample,
  ReportStage,
  ReportText,
  ReportTraining,
  RunReport,
} from "../report/run-report.js";
import type { Experiment } from "../spec/experiment.js";
import { BenchItem } from "../spec/rows.js";
import { BlobReader } from "./blob-reader.js";
import { readJsonFile } from "./json-file.js";
import { readJsonLines } from "./json-lines.js";
import { FileRef, type StoredEvent } from "./events.js";
import { readEvents } from "./read-events.js";
import { readSpec } from "./read-run.js";
import { type BenchResult, RunResults, TrainingLogLine, type TrainingResult } from "./results.js";
import { runPaths } from "./run-paths.js";

/** Items whose texts a report prints in full, for each task and language. */
const SAMPLES_OF_A_KIND = 2;

/** The results of a run; a run without results is refused. */
export async function readResults(runDir: string): Promise<RunResults> {
  const path = runPaths(runDir).results;
  const results = await readJsonFile(path, RunResults);
  if (results !== undefined) return results;
  throw new RunError({
    code: "data_refused",
    facts: { file: path, found: "no results yet", expected: "a run that has finished" },
  });
}

/** Everything a report of a run shows, out of its folder alone. */
export async function readReport(runDir: string): Promise<RunReport> {
  const blobs = new BlobReader(runPaths(runDir).blobs);
  const [results, spec, specText] = await Promise.all([
    readResults(runDir),
    readSpec(runDir),
    readFile(runPaths(runDir).spec, "utf8"),
  ]);
  const history = await readHistory(runDir);
  const trainings: ReportTraining[] = [];
  for (const training of results.trainings) trainings.push(await readCurve(training, blobs));
  return {
    experiment: spec.name,
    description: spec.description,
    run: basename(runDir),
    started: history.started,
    seconds: history.seconds,
    specSha256: sha256(specText.trimEnd()),
    versions: history.versions,
    stages: history.stages,
    trainings,
    benches: results.benches,
    differences: differencesOf(results.benches, spec),
    samples: await readSamples(results.benches, blobs),
  };
}

interface History {
  readonly started: string;
  readonly seconds: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly stages: readonly ReportStage[];
}

/** Times end with the last stage, so that a report made again later says the same. */
async function readHistory(runDir: string): Promise<History> {
  const stages = new Map<string, ReportStage>();
  let versions: Readonly<Record<string, string>> = {};
  let first: StoredEvent | undefined;
  let last: StoredEvent | undefined;
  for await (const stored of readEvents(runDir, 0)) {
    first ??= stored;
    const { event } = stored;
    if (event.type === "agent_started") versions = event.versions;
    if (event.type === "stage_cached" && !stages.has(event.stage))
      stages.set(event.stage, { id: event.stage, kind: event.kind, cached: true, seconds: 0 });
    if (event.type === "stage_finished")
      stages.set(event.stage, { id: event.stage, kind: event.kind, cached: false, seconds: event.seconds });
    if (event.type === "stage_cached" || event.type === "stage_finished") last = stored;
  }
  const seconds =
    first === undefined || last === undefined ? 0 : (Date.parse(last.time) - Date.parse(first.time)) / 1000;
  return { started: first?.time ?? "", seconds, versions, stages: [...stages.values()] };
}

async function readCurve(training: TrainingResult, blobs: BlobReader): Promise<ReportTraining> {
  const events = await readJsonLines(training.log, TrainingLogLine, blobs);
  return {
    ...training,
    curve: events.flatMap((event) => (event.type === "step" ? [{ step: event.step, loss: event.loss }] : [])),
    gates: events.flatMap((event) =>
      event.type === "gate"
        ? [{ step: event.step, value: event.value, atLeast: event.atLeast, passed: event.passed }]
        : [],
    ),
  };
}

/** Each benchmark against the one before it, where the two can be compared. */
function differencesOf(benches: readonly BenchResult[], spec: Experiment): ReportDifference[] {
  return benches.flatMap((after, index) => {
    const before = benches[index - 1];
    if (before === undefined || yardstick(before, spec) !== yardstick(after, spec)) return [];
    const difference = (score: "length" | "quality") => {
      const [first, second] = sharedValues(before.score.rows, after.score.rows, score);
      return pairedDifference(first, second, { seed: `${before.stage}/${after.stage}/${score}` });
    };
    return [{ from: before.stage, to: after.stage, length: difference("length"), quality: difference("quality") }];
  });
}

/** What must be equal for two scores to differ by their texts alone: the items, the profile and the judge. */
function yardstick({ stage, score, sources }: BenchResult, { stages }: Experiment): string {
  const bench = stages.find(({ name }) => name === stage);
  const judge = bench?.kind === "mmLongBenchWrite" ? toJson(bench.judge) : null;
  return canonicalJson({ items: sources.items.sha256, profile: score.profile, judge });
}

type Values = { id: string; value: number }[];

/** The values of items that both sides scored. */
function sharedValues(
  before: readonly ItemScore[],
  after: readonly ItemScore[],
  score: "length" | "quality",
): [Values, Values] {
  const valuesOf = (rows: readonly ItemScore[]): Values =>
    rows.flatMap((row) => (row[score].status === "scored" ? [{ id: row.id, value: row[score].value }] : []));
  const [first, second] = [valuesOf(before), valuesOf(after)];
  const [firstIds, secondIds] = [new Set(first.map(({ id }) => id)), new Set(second.map(({ id }) => id))];
  return [first.filter(({ id }) => secondIds.has(id)), second.filter(({ id }) => firstIds.has(id))];
}

const TextLine = z.looseObject({ item: z.string(), sample: z.number(), text: FileRef });
const VerdictLine = z.looseObject({ item: z.string(), sample: z.number(), reply: FileRef.optional() });
const Reply = z.looseObject({ text: z.string() });

/** The first items of each task and language, with their first text of every benchmark. */
async function readSamples(benches: readonly BenchResult[], blobs: BlobReader): Promise<ReportSample[]> {
  const first = benches[0];
  if (first === undefined) return [];
  const taken = new Map<string, number>();
  const samples: ReportSample[] = [];
  for (const item of await readJsonLines(first.sources.items, BenchItem, blobs)) {
    const kind = `${item.task}/${item.language}`;
    const count = taken.get(kind) ?? 0;
    if (count >= SAMPLES_OF_A_KIND) continue;
    taken.set(kind, count + 1);
    samples.push(await readSample(item, benches, blobs));
  }
  return samples;
}

async function readSample(item: BenchItem, benches: readonly BenchResult[], blobs: BlobReader): Promise<ReportSample> {
  const texts: ReportText[] = [];
  for (const { stage, score, sources } of benches) {
    const ofItem = (line: { item: string; sample: number }) => line.item === item.id && line.sample === 0;
    const row = score.rows.find(({ id, sample }) => id === item.id && sample === 0);
    const line = (await readJsonLines(sources.texts, TextLine, blobs)).find(ofItem);
    const verdict = (await readJsonLines(sources.verdicts, VerdictLine, blobs)).find(ofItem);
    if (row === undefined || line === undefined) continue;
    const reply = verdict?.reply === undefined ? "" : Reply.parse(JSON.parse(await blobs.readText(verdict.reply))).text;
    texts.push({ stage, text: await blobs.readText(line.text), score: row, reply });
  }
  const images = await Promise.all(
    item.images.map(
      async ({ sha256: hash }) =>
        `data:image/png;base64,${(await readFile(blobs.path({ sha256: hash, bytes: 0 }))).toString("base64")}`,
    ),
  );
  return {
    item: item.id,
    task: item.task,
    language: item.language,
    prompt: item.prompt,
    requiredLength: item.requiredLength,
    images,
    texts,
  };
}
