import { describeRanks } from "../../sdk/experiment/describe-spec.js";
import type { Replacement } from "../../sdk/experiment/rehearsal.js";
import { planStages, type StageNode } from "../../sdk/plan/stages.js";
import type { RunEvent } from "../../sdk/run-folder/events.js";
import type { Experiment } from "../../sdk/spec/experiment.js";
import { shellWord } from "./invocation.js";
import { textTable } from "./text-table.js";

/** What a rehearsal has otherwise than the real run, and what it fetches as the real run does, as lines of text. */
export function replacedLines(
  replaced: readonly Replacement[],
  assumed: readonly string[],
  fetched: readonly string[],
): readonly string[] {
  const rows = replaced.map(({ stage, field, real, rehearsed }) => [stage, field, real, rehearsed]);
  return [
    ...textTable(["stage", "", "the real run has", "the rehearsal has"], rows, [0, 1, 2, 3]),
    ...assumed.map((assumption) => `assumed: ${assumption}`),
    ...fetched.map(
      (dataset) => `fetched: all of ${dataset}, though few of its rows are used, unless the local cache has it`,
    ),
  ];
}

type NodeEvent = Extract<RunEvent, { type: "stage_cached" | "stage_finished" }>;

/** The datasets that an experiment brings from a hub. */
export function fetchedDatasets(experiment: Experiment): readonly string[] {
  const names = planStages(experiment).flatMap((node) =>
    node.kind === "fetch" && node.holds === "dataset" ? [node.source.repository] : [],
  );
  return [...new Set(names)];
}

/** Seconds of each stage of the spec, with those of its nodes. */
export function stageLines(experiment: Experiment, events: readonly RunEvent[]): readonly string[] {
  const ended = events.filter((event) => event.type === "stage_cached" || event.type === "stage_finished");
  const rows = experiment.stages.map(({ name }) => {
    const nodes = ended.filter(({ stage }) => stage.split("/")[0] === name);
    const seconds = nodes.reduce((sum, node) => sum + secondsOf(node), 0);
    return [name, seconds.toFixed(1), nodes.map((node) => partText(name, node)).join(", ")];
  });
  return textTable(["stage", "seconds", "of these"], rows, [0, 2]);
}

function secondsOf(node: NodeEvent): number {
  return node.type === "stage_finished" ? node.seconds : 0;
}

function partText(stage: string, node: NodeEvent): string {
  const part = node.stage === stage ? node.kind : node.stage.slice(stage.length + 1);
  return node.type === "stage_cached" ? `${part} from the cache` : `${part} ${node.seconds.toFixed(1)}`;
}

/** What a rehearsal says nothing about, and the commands that do. */
export function notRehearsed(real: Experiment, replaced: readonly Replacement[], file: string): readonly string[] {
  const has = (field: string) => replaced.some((one) => one.field === field);
  const ranks = real.stages.flatMap((stage) =>
    stage.kind === "sft" && replaced.some((one) => one.stage === stage.name && one.field === "ranks")
      ? [`${stage.name} on ${describeRanks(stage.resources)}`]
      : [],
  );
  return [
    ...(has("model") ? [`load real weights and take their memory and time: longform plan ${shellWord(file)}`] : []),
    ...(has("dataset") ? [`read every row, counted by its own tokenizer: longform audit ${shellWord(file)}`] : []),
    ...(has("items") ? ["write to every item, as long as the model likes"] : []),
    ...(has("judge") ? ["ask its own judge"] : []),
    ...(has("gate") ? ["measure its gates"] : []),
    ...(has("checkpoints") ? ["write checkpoints"] : []),
    ...(ranks.length > 0 ? [`train ${ranks.join(", ")}`] : []),
  ].map((work) => `the real run would ${work}`);
}

/** What a failure of a node means for the real run; empty where the rehearsal has its own part in it. */
export function failureMeaning(node: StageNode | undefined): readonly string[] {
  switch (node?.kind) {
    case "fetch":
      return [`${node.source.repository} is fetched as it is in the real run, which would end here too.`];
    case "read":
    case "import":
      return ["These rows are read as they are in the real run, which would end here too."];
    case "audit":
      return ["A tiny tokenizer counts other tokens than the real one: `longform audit` counts as the real run would."];
    case "corpus":
    case "makeModel":
    case "sft":
    case "generate":
    case "judge":
    case "score":
    case undefined:
      return [];
  }
}
