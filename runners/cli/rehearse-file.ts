import { mkdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { start } from "../../sdk/client/start.js";
import { runsFolder, submit } from "../../sdk/client/submit.js";
import { type Rehearsal, rehearsal } from "../../sdk/experiment/rehearsal.js";
import { planStages } from "../../sdk/plan/stages.js";
import type { RunEvent } from "../../sdk/run-folder/events.js";
import { readEvents } from "../../sdk/run-folder/read-events.js";
import { readSpec } from "../../sdk/run-folder/read-run.js";
import type { RunState } from "../../sdk/run-folder/run-state.js";
import type { Experiment } from "../../sdk/spec/experiment.js";
import { followRun } from "./follow-run.js";
import { lastEventSeq } from "./last-event.js";
import { likenessesOf } from "./likeness.js";
import { withSpec } from "./load-checked.js";
import { showOutcome } from "./outcome.js";
import { failureMeaning, fetchedDatasets, notRehearsed, replacedLines, stageLines } from "./rehearsal-text.js";

export interface RehearseFileOptions {
  readonly file: string;
  readonly runs: string | undefined;
  readonly verbose: boolean;
  readonly json: boolean;
  readonly debug: boolean;
}

/** Runs an experiment end to end on tiny models and two rows, and says what that does not prove. */
export async function rehearseFile(options: RehearseFileOptions): Promise<number> {
  const { file, runs, json } = options;
  const { real, replaced, runDir, standing } = await withSpec(file, async ({ experiment, base }) => {
    const { byStage, assumed } = await likenessesOf(experiment, base);
    const spareRows = join(runsFolder(runs), ".rehearsal", "rows.jsonl");
    const derived = rehearsal(experiment, { likenesses: byStage, spareRows });
    await writeSpareRows(derived, spareRows);
    const submitted = await submit(derived.experiment, { base, runs });
    tellReplaced(derived, assumed, json);
    return { ...submitted, replaced: derived.replaced, real: experiment };
  });
  if (!json) process.stdout.write(`\nrehearsal ${basename(runDir)}\n`);
  return await followRun(
    runDir,
    { ...options, afterSeq: standing === "unfinished" ? lastEventSeq(runDir) : 0 },
    async () => {
      if (standing !== "running") await start(runDir);
    },
    async (state) => {
      const code = await showOutcome(runDir, state, options);
      if (!json) await tellMeaning(runDir, state, { real, replaced }, file);
      return code;
    },
  );
}

function tellReplaced({ replaced, experiment }: Rehearsal, assumed: readonly string[], json: boolean): void {
  const fetched = fetchedDatasets(experiment);
  process.stdout.write(
    json
      ? `${JSON.stringify({ rehearsal: { replaced, assumed, fetched } })}\n`
      : `${replacedLines(replaced, assumed, fetched).join("\n")}\n`,
  );
}

/** Rows for a model that no training of the experiment gives. */
async function writeSpareRows({ experiment }: Rehearsal, path: string): Promise<void> {
  const used = experiment.stages.some(
    (stage) => stage.kind === "sft" && stage.dataset.kind === "records" && stage.dataset.path === path,
  );
  if (!used) return;
  await mkdir(join(path, ".."), { recursive: true });
  const row = { id: "spare", language: "en", prompt: "Write a line.", target: "This is a line of words.", images: [] };
  await writeFile(path, `${JSON.stringify(row)}\n`);
}

interface Told {
  readonly real: Experiment;
  readonly replaced: Rehearsal["replaced"];
}

async function tellMeaning(runDir: string, state: RunState, { real, replaced }: Told, file: string): Promise<void> {
  const experiment = await readSpec(runDir);
  const events: RunEvent[] = [];
  for await (const { event } of readEvents(runDir, 0)) events.push(event);
  if (state === "failed") {
    const failed = events.findLast((event) => event.type === "run_failed")?.stage;
    const node = planStages(experiment).find(({ id }) => id === failed);
    for (const line of failureMeaning(node)) process.stderr.write(`${line}\n`);
    return;
  }
  if (state !== "finished") return;
  const lines = ["", ...stageLines(experiment, events), "", ...notRehearsed(real, replaced, file)];
  process.stdout.write(`${lines.join("\n")}\n`);
}
