import type { Sft } from "../../sdk/spec/sft.js";
import type { MemoryByCause } from "../../sdk/plan/memory.js";
import type { TunedParameters } from "../../sdk/plan/parameters.js";
import type { ComputePlan, MemoryPlan, TrainingPlan } from "../../sdk/plan/training-plan.js";
import { findDevice } from "../../sdk/plan/devices.js";
import type { PublishedCost } from "../../sdk/presets/preset.js";
import { bytes, compact, count, counted, hours, percent, unitSpace } from "./plan-numbers.js";

const labelWidth = 12;

/** A training's plan as lines of text, one screen of a terminal. */
export function trainingText(stage: string, spec: Sft, plan: TrainingPlan, columns: number): readonly string[] {
  const part = (label: string, texts: readonly string[]) => labelled(label, texts, columns);
  return [
    ...wrapped(`${stage}: ${title(spec, plan)}`, columns, 2),
    ...part("model", modelLines(plan)),
    ...part("rows", rowsLines(plan)),
    ...part("steps", stepsLines(spec, plan)),
    ...part("memory", plan.memory === null ? [] : memoryLines(plan.memory)),
    ...part("disk", diskLines(spec, plan)),
    ...part("time", plan.compute === null ? [] : timeLines(plan.compute, plan)),
    ...part("DeepSpeed", [plan.zeroConfig === null ? "none: plain PyTorch" : spacedJson(plan.zeroConfig)]),
    ...part(
      "warnings",
      plan.warnings.map(({ field, reason }) => `${field}: ${reason}`),
    ),
    ...part("assumed", assumedLines(plan)),
    ...part("preset", presetLines(plan)),
  ];
}

/** JSON that may be broken into lines between its fields. */
function spacedJson(value: unknown): string {
  return JSON.stringify(value, null, 1).replaceAll(/\n */g, " ");
}

function title({ tuning, zero, precision, gradientCheckpointing }: Sft, { model, ranks, level }: TrainingPlan): string {
  const kind = tuning.kind === "full" ? "full fine-tuning" : `LoRA (rank ${tuning.rank}, ${tuning.layers} layers)`;
  const how = [
    ranks === 1 ? "1 rank" : `${ranks} ranks`,
    zero.stage === 0 ? "plain PyTorch" : `ZeRO-${zero.stage}`,
    ...(zero.offloadOptimizer ? ["optimizer on the host"] : []),
    ...(zero.offloadParameters ? ["weights on the host"] : []),
    precision,
    ...(gradientCheckpointing ? ["gradient checkpointing"] : []),
  ];
  return `${kind} of ${model.name}, ${how.join(", ")} (${level})`;
}

function modelLines({ parameters, model }: TrainingPlan): readonly string[] {
  if (parameters === null) return [`its shapes are unknown: ${model.from}`];
  const { model: counts, trained, frozen, adapters } = parameters;
  return [
    `${compact(counts.total)} parameters (${model.family}, shapes from ${model.from})`,
    towers(parameters),
    ...adapters.map(
      ({ target, modules, parameters: own }) => `adapters on ${count(modules)} layers of ${target}: ${compact(own)}`,
    ),
    `${compact(trained)} trained (${percent(trained / (trained + frozen))}), ${compact(frozen)} frozen`,
  ];
}

function towers({ model, trainedParts }: TunedParameters): string {
  const moves = (part: "vision" | "merger" | "language") => (trainedParts.includes(part) ? "" : " frozen");
  return [
    `vision ${compact(model.vision)}${moves("vision")}`,
    `merger ${compact(model.merger)}${moves("merger")}`,
    `embeddings ${compact(model.embeddings)}${moves("language")}`,
    `blocks ${compact(model.blocks)}${moves("language")}`,
    model.head === 0 ? "head tied to the embeddings" : `head ${compact(model.head)}${moves("language")}`,
  ].join(" · ");
}

function rowsLines({ rows }: TrainingPlan): readonly string[] {
  if (rows === null)
    return ["unknown until they are read: longform run, or longform audit, counts them and the next plan is exact"];
  const mean = (tokens: number) => count(tokens / Math.max(1, rows.rows));
  return [
    `${counted(rows.rows, "row")}, ${counted(rows.images, "image")}: ${rows.from}`,
    `${mean(rows.tokens)} tokens a row, of which ${mean(rows.targetTokens)} target and ${mean(rows.imageTokens)} image; the longest ${count(rows.longestRowTokens)}`,
  ];
}

function stepsLines(
  { examplesPerStep, steps: given }: Sft,
  { steps, tokens, targetTokens }: TrainingPlan,
): readonly string[] {
  if (steps === null)
    return [given === undefined ? "unknown without rows" : `${count(given)} of ${examplesPerStep} examples`];
  return [
    `${count(steps.steps)} of ${examplesPerStep} examples, ${Number(steps.epochs.toFixed(3))} epochs; ${steps.passesPerStep} ${steps.passesPerStep === 1 ? "pass" : "passes"} of each rank in a step`,
    `${compact(tokens ?? 0)} tokens, ${compact(targetTokens ?? 0)} of them targets; no padding, rows are packed`,
  ];
}

const causeNames: Readonly<Record<string, string>> = {
  weights: "weights",
  gradients: "gradients",
  optimizer: "optimizer",
  gathered: "gathered weights and buckets",
  activations: "saved activations",
  block: "working set of a block",
  logits: "logits of a chunk",
  headGradient: "gradient of the head",
  images: "images",
  runtime: "runtime",
  fragmentation: "fragmentation",
} satisfies Record<keyof MemoryByCause, string>;

function memoryLines(memory: MemoryPlan): readonly string[] {
  const causes = Object.entries({ ...memory.causes })
    .map(([cause, size]) => ({ name: causeNames[cause] ?? cause, size }))
    .filter(({ size }) => size > 0.0005 * memory.bytes)
    .toSorted((one, other) => other.size - one.size);
  const share = percent(memory.bytes / memory.deviceBytes);
  const { host } = memory;
  return [
    `${memory.verdict.toUpperCase()}: ${bytes(memory.bytes)} on each device (${bytes(memory.lowBytes)} to ${bytes(memory.highBytes)}), ${share} of ${bytes(memory.deviceBytes)} (${memory.device}), for a pass of ${count(memory.passTokens)} tokens`,
    causes.map(({ name, size }) => `${name} ${bytes(size)}`).join(" · "),
    ...(memory.bytesAtMaxTokens === null
      ? []
      : [`a row of all maxTokens would take ${bytes(memory.bytesAtMaxTokens)}`]),
    ...remedyLines(memory),
    `in each host's memory: ${bytes(host.loadingBytes)} while it loads${host.offloadedBytes === 0 ? "" : `, ${bytes(host.offloadedBytes)} offloaded`}`,
  ];
}

function remedyLines({ verdict, remedy, deviceBytes }: MemoryPlan): readonly string[] {
  if (verdict === "fits") return [];
  if (remedy === null)
    return [
      verdict === "tight"
        ? "no change that was tried leaves a fifth of the device free"
        : `nothing that was tried makes it fit ${bytes(deviceBytes)}: take a larger device or shorter rows`,
    ];
  const changes = remedy.changes.map(({ field, value }) => `${field}: ${JSON.stringify(value)}`).join(", ");
  const then = `then ${bytes(remedy.bytes)}, ${percent(remedy.bytes / deviceBytes)}`;
  const host = remedy.offloadedBytes === 0 ? "" : `, with ${bytes(remedy.offloadedBytes)} in each host's memory`;
  return [`cheapest change: ${changes} (${then}${remedy.verdict === "tight" ? ", tight" : ""}${host})`];
}

function diskLines({ checkpointEverySteps }: Sft, { disk }: TrainingPlan): readonly string[] {
  if (disk === null) return [];
  const checkpoints =
    disk.checkpointsBytes === 0
      ? `no checkpoints (each would take ${bytes(disk.checkpointBytes)})`
      : `${bytes(disk.checkpointBytes)} a checkpoint, every ${count(checkpointEverySteps)} steps; ${bytes(disk.checkpointsBytes)} for two and one being written`;
  return [`${checkpoints}; ${bytes(disk.modelBytes)} the model`];
}

function timeLines(compute: ComputePlan, { ranks, preset, memory }: TrainingPlan): readonly string[] {
  const { deviceHours, wallHours, secondsPerStep, utilisation, flops, teraflops } = compute;
  const unit = memory?.device === "cpu" ? "processor" : "GPU";
  return [
    `${hours(deviceHours)} of ${unit} time, ${hours(wallHours)} on ${ranks === 1 ? "one" : ranks}: ${seconds(secondsPerStep)} a step, ${count(compute.tokensPerSecondPerRank)} tokens/s on each`,
    `${flops.toExponential(1)} operations at ${percent(utilisation)} of ${teraflops} TFLOP/s`,
    ...(preset === null ? [] : [publishedTime(flops, preset.cost)]),
  ];
}

/** What the first one took, and which share of its devices' peak that is. */
function publishedTime(flops: number, cost: PublishedCost): string {
  const device = findDevice(cost.device);
  const peak = cost.hours * 3_600 * cost.ranks * (device?.bfloat16Teraflops ?? 0) * 1e12;
  const share =
    peak === 0 ? "" : `: ${percent(flops / peak)} of their peak for these rows (--mfu ${(flops / peak).toFixed(2)})`;
  return `published: ${cost.hours} h on ${cost.ranks} x ${cost.device}${share}; ${cost.source}`;
}

function seconds(value: number): string {
  return `${value >= 10 ? count(value) : value.toPrecision(2)}${unitSpace}s`;
}

function assumedLines({ assumed }: TrainingPlan): readonly string[] {
  return assumed.map(({ field, value, why }) => `${field} ${value}: ${why}`);
}

function presetLines({ preset }: TrainingPlan): readonly string[] {
  if (preset === null) return [];
  return [
    `${preset.name}. Published nowhere, and therefore assumed:`,
    ...preset.assumed.map(({ field, value, why }) => `${field} ${spacedJson(value)}: ${why}`),
    ...preset.contradictions,
  ];
}

/** Lines under a label at their left. */
function labelled(label: string, texts: readonly string[], columns: number): readonly string[] {
  const width = Math.max(30, columns - labelWidth - 2);
  return texts
    .flatMap((text) => wrapped(text, width, 2))
    .map((line, index) => `  ${(index === 0 ? label : "").padEnd(labelWidth)}${line}`.replaceAll(unitSpace, " "));
}

/** Words in lines of at most so many columns; a longer word is cut. */
function wrapped(text: string, width: number, indent: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ").flatMap((one) => pieces(one, width - indent))) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = " ".repeat(indent) + word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return line === "" ? lines : [...lines, line];
}

function pieces(word: string, width: number): readonly string[] {
  const parts: string[] = [];
  for (let start = 0; start < word.length; start += width) parts.push(word.slice(start, start + width));
  return parts;
}
