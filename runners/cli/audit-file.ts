import { basename } from "node:path";
import { start } from "../../sdk/client/start.js";
import { submit, type SubmittedRun } from "../../sdk/client/submit.js";
import { auditing } from "../../sdk/experiment/auditing.js";
import { nearestKey } from "../../sdk/experiment/nearest-key.js";
import { RunError } from "../../sdk/failure/failure.js";
import { planStages, type StageNode } from "../../sdk/plan/stages.js";
import type { BlobReader } from "../../sdk/run-folder/blob-reader.js";
import { readEvents } from "../../sdk/run-folder/read-events.js";
import { readSpec } from "../../sdk/run-folder/read-run.js";
import { runPaths } from "../../sdk/run-folder/run-paths.js";
import type { Experiment } from "../../sdk/spec/experiment.js";
import { type ReportLine, readReport } from "../stages/audit-report.js";
import { StageResult } from "../stages/results.js";
import { BlobStore } from "../store/blobs.js";
import { StageCache } from "../store/stage-cache.js";
import { type AuditedStage, auditLines, type Offender, trainable } from "./audit-text.js";
import { distributionOf } from "./distribution.js";
import { ExitCode } from "./exit-code.js";
import { followRun } from "./follow-run.js";
import { lastEventSeq } from "./last-event.js";
import { withSpec } from "./load-checked.js";
import { showOutcome } from "./outcome.js";
import { UsageError } from "./usage-error.js";

export interface AuditFileOptions {
  readonly file: string;
  readonly stage: string | undefined;
  readonly all: boolean;
  readonly runs: string | undefined;
  readonly verbose: boolean;
  readonly json: boolean;
  readonly debug: boolean;
}

/** Columns where the output is no terminal. */
const PLAIN_COLUMNS = 100;

/** Counts the rows of every training of an experiment in a run of its own and tells what it has found. */
export async function auditFile(options: AuditFileOptions): Promise<number> {
  const { file, runs, json } = options;
  const { runDir, standing } = await withSpec(
    file,
    async ({ experiment, base }) => await submit(audits(experiment, options), { base, runs }),
  );
  if (!json) process.stdout.write(`${headline(standing, basename(runDir))}\n`);
  const afterSeq = standing === "unfinished" ? lastEventSeq(runDir) : 0;
  return await followRun(
    runDir,
    { ...options, afterSeq, quiet: json },
    async () => {
      if (standing !== "running") await start(runDir);
    },
    async (state) => (state === "finished" ? await tell(runDir, options) : await showOutcome(runDir, state, options)),
  );
}

/** @throws UsageError where there is nothing to count. */
function audits(experiment: Experiment, { file, stage }: AuditFileOptions): Experiment {
  const all = auditing(experiment);
  if (all === undefined)
    throw new UsageError(`${file} has neither a training nor an audit: there are no rows to count.`);
  if (stage === undefined) return all;
  const stages = all.stages.filter(({ name }) => name === stage);
  if (stages.length > 0) return { ...all, stages };
  const names = all.stages.map(({ name }) => name);
  const nearest = nearestKey(stage, names);
  const advice = nearest === undefined ? `It has ${names.join(", ")}.` : `Did you mean ${nearest}?`;
  throw new UsageError(`${file} has no training or audit "${stage}". ${advice}`);
}

function headline(standing: SubmittedRun["standing"], id: string): string {
  switch (standing) {
    case "new":
      return `audit ${id}`;
    case "unfinished":
      return `audit ${id}, which had not finished, is taken up again`;
    case "running":
      return `audit ${id} runs already`;
  }
}

async function tell(runDir: string, { json, all }: AuditFileOptions): Promise<number> {
  const stages = await auditedStages(runDir);
  const columns = process.stdout.isTTY ? process.stdout.columns : PLAIN_COLUMNS;
  for (const stage of stages)
    process.stdout.write(
      json ? `${JSON.stringify({ ...stage, run: runDir })}\n` : `\n${auditLines(stage, { columns, all }).join("\n")}\n`,
    );
  if (!json) process.stdout.write(`run     ${runDir}\n`);
  return stages.every(trainable) ? ExitCode.done : ExitCode.badInput;
}

type Results = ReadonlyMap<string, StageResult>;
type AuditNode = Extract<StageNode, { kind: "audit" }>;

/** What a finished run of audits has found, stage by stage. */
export async function auditedStages(runDir: string): Promise<readonly AuditedStage[]> {
  const { blobs: blobRoot, cache: cacheRoot } = runPaths(runDir);
  const blobs = new BlobStore(blobRoot);
  const results = await resultsOf(runDir, new StageCache(cacheRoot, blobs));
  const nodes = planStages(await readSpec(runDir));
  const audits = nodes.filter((node) => node.kind === "audit");
  return await Promise.all(audits.map(async (node) => await auditedStage(node, results, nodes, blobs)));
}

async function resultsOf(runDir: string, cache: StageCache): Promise<Results> {
  const results = new Map<string, StageResult>();
  for await (const { event } of readEvents(runDir, 0)) {
    if (event.type !== "stage_cached" && event.type !== "stage_finished") continue;
    if (event.kind !== "audit" && event.kind !== "read") continue;
    const found = await cache.get(event.key);
    if (!found.hit) throw new RunError({ code: "store_corrupt", detail: found.detail, facts: { file: runDir } });
    results.set(event.stage, StageResult.parse(found.entry.result));
  }
  return results;
}

async function auditedStage(
  node: AuditNode,
  results: Results,
  nodes: readonly StageNode[],
  blobs: BlobReader,
): Promise<AuditedStage> {
  const { name: stage, maxTokens, tooLong } = node.spec;
  const result = results.get(node.id);
  if (result?.kind !== "audit") throw new RunError({ code: "internal", detail: `${node.id} has no audit` });
  const lines = await readReport(result.report, blobs);
  const { capped, dropped, refused } = result;
  return {
    stage,
    maxTokens,
    tooLong,
    rows: { counted: lines.length, kept: result.rows - capped, capped, dropped, refused },
    // Over all rows, as their number: those that are not trained on hold images, too.
    images: lines.reduce((sum, { images }) => sum + images, 0),
    tokens: distributionOf(numbers(lines.map(({ tokens }) => tokens)), maxTokens),
    imageTokens: distributionOf(numbers(lines.map(({ imageTokens }) => imageTokens))),
    targetTokens: distributionOf(numbers(lines.map(({ targetTokens }) => targetTokens))),
    longer: lines.filter(({ action, tokens }) => action === "capped" || (tokens ?? 0) > maxTokens).length,
    offenders: lines.flatMap(offender),
    found: foundBy(node, results, nodes),
    report: blobs.path(result.report),
  };
}

function numbers(values: readonly (number | null)[]): readonly number[] {
  return values.filter((value) => value !== null);
}

function offender({ id, action, why, tokens, targetTokens, cutCharacters }: ReportLine): readonly Offender[] {
  return action === "kept" ? [] : [{ id, action, why, tokens, targetTokens, cutCharacters }];
}

/** What the node has found that read the rows of an audit. */
function foundBy({ rows }: AuditNode, results: Results, nodes: readonly StageNode[]): string | null {
  const importing = nodes.find(({ id }) => id === rows);
  if (importing?.kind !== "import" || importing.read === null) return null;
  const result = results.get(importing.read);
  return result?.kind === "read" ? result.found : null;
}
