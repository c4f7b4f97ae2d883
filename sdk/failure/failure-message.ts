import type { Failure, FailureCode } from "./failure.js";

export interface MessageOptions {
  /** The command that does something with the run at hand, as it can be pasted. */
  readonly command?: ((verb: "watch" | "logs" | "resume") => string) | undefined;
  /** Show the whole of what went wrong inside, stack traces included. */
  readonly debug?: boolean | undefined;
}

/** A failure as sentences for people: what happened, where, and what to change. The one place where they are written. */
export function failureMessage(
  failure: Failure,
  { command = (verb) => `longform ${verb} RUN`, debug = false }: MessageOptions = {},
): string {
  const lines = [
    withFurtherFacts(whatHappened(failure), failure),
    detail(failure, debug),
    advice(failure, command),
    lastLines(failure),
  ];
  return lines.filter((line) => line !== "").join("\n");
}

function whatHappened(failure: Failure): string {
  const { code, facts, fieldPath } = failure;
  const fact = (name: string, otherwise: string) => facts[name] || otherwise;
  switch (code) {
    case "user_cancel":
      return "The run was cancelled.";
    case "preempted":
      return preemptedText(failure);
    case "spec_refused":
      return `The spec does not fit: ${placed(failure, fieldPath)}`;
    case "data_refused":
      return `The data cannot be used: ${placed(failure)}`;
    case "model_refused":
      return `The model folder cannot be used: ${placed(failure)}`;
    case "environment_missing":
      return environmentText(failure);
    case "disk_full":
      return `The disk is full: ${placed(failure)}`;
    case "address_in_use":
      return `The address ${fact("address", "of --listen")} is in use.`;
    case "launch_failed":
      return "A process of the run could not be started.";
    case "loss_diverged":
      return `The loss is no finite number at step ${fact("step", "?")}.`;
    case "gate_missed":
      return `The gate was missed after ${fact("step", "all")} steps: ${fact("value", fact("found", "?"))}, expected ${fact("expected", `at least ${fact("at_least", "?")}`)}.`;
    case "oom_killed":
      return `The system ended ${engine(failure)} because memory ran out.`;
    case "device_oom":
      return "The memory of the accelerator ran out.";
    case "signal":
      return `${capitalised(engine(failure))} was ended by ${fact("signal", "a signal")}.`;
    case "exit_code":
      return `${capitalised(engine(failure))} ended with exit code ${fact("exit_code", "?")} and no result.`;
    case "node_lost":
      return `The worker${facts["node"] === undefined ? "" : ` ${facts["node"]}`} stopped answering.`;
    case "stalled":
      return `The engine made no progress${facts["phase"] === undefined ? "" : ` in the phase "${facts["phase"]}"`}.`;
    case "judge_unreachable":
      return "No judge gave an answer that can be used.";
    case "user_code":
      return `The function ${fact("function", fact("file", "of the experiment"))} of the experiment failed: ${placed(failure)}`;
    case "run_busy":
      return `Another runner has this run: process ${fact("pid", "?")} on ${fact("host", "another machine")}.`;
    case "store_corrupt":
      return `The run folder is not what was stored: ${placed(failure)}`;
    case "internal":
      return "Longform itself failed.";
  }
}

function engine({ facts }: Failure): string {
  const { rank, node, pid } = facts;
  const name = rank === undefined ? "the engine" : `rank ${rank}${node === undefined ? "" : ` on ${node}`}`;
  return pid === undefined ? name : `${name} (process ${pid})`;
}

function preemptedText({ facts: { step, checkpoint, signal } }: Failure): string {
  if (step === undefined)
    return `The run was told to leave${signal === undefined ? "" : ` (${signal})`}. What was done is kept.`;
  if (checkpoint === "") return `The training was told to leave at step ${step}, which no checkpoint holds.`;
  return `The training was told to leave at step ${step}. A checkpoint holds what it had done.`;
}

function environmentText({ facts }: Failure): string {
  if (facts["repository"] !== undefined) return "The hub cannot be reached.";
  const name = `The Python environment "${facts["environment"] ?? "train"}"`;
  const missing = facts["missing"] ?? facts["library"];
  if (missing !== undefined) return `${name} lacks ${missing}.`;
  if (facts["found"] !== undefined)
    return `${name} has ${facts["found"]}, expected ${facts["expected"] ?? "another version"}.`;
  return `${name} cannot be used.`;
}

function advice({ code, facts }: Failure, command: NonNullable<MessageOptions["command"]>): string {
  if (facts["hint"] !== undefined) return facts["hint"];
  switch (code) {
    case "environment_missing":
      return `Run \`longform setup\`, or name an interpreter that has everything in ${facts["variable"] ?? "LONGFORM_TRAIN_PYTHON"}.`;
    case "disk_full":
      return `Free some space; then \`${command("resume")}\` takes the run up where it stopped.`;
    case "address_in_use":
      return "Choose another port, or 0 for a free one, or leave --listen out: a private socket needs none.";
    case "loss_diverged":
      return "Lower optimizer.peakLearningRate or optimizer.maxGradientNorm, or look at the rows of that step.";
    case "gate_missed":
      return "Raise steps or gate.extraRounds, or lower gate.atLeast.";
    case "oom_killed":
      return "Lower tokensPerPass, visionPolicy.maxPixels or engine.maxBatchSequences.";
    case "device_oom":
      return "Lower tokensPerPass, visionPolicy.maxPixels or engine.maxBatchSequences, or turn gradientCheckpointing on.";
    case "signal":
    case "exit_code":
    case "node_lost":
    case "launch_failed":
    case "stalled":
      return `\`${command("logs")}\` has everything that was printed; \`${command("resume")}\` takes the run up where it stopped.`;
    case "preempted":
      return `\`${command("resume")}\` takes the run up where it stopped.`;
    case "run_busy":
      return `\`${command("watch")}\` follows it.`;
    case "store_corrupt":
      return "Everything before that place is still readable; a new run computes again what is gone.";
    case "internal":
      return "This is a fault of Longform: please report it, with what --debug adds.";
    case "user_cancel":
    case "spec_refused":
    case "data_refused":
    case "model_refused":
    case "judge_unreachable":
    case "user_code":
      return "";
  }
}

/** The facts that say where: in this order before "found … expected …". */
const PLACES = ["file", "row", "item", "image", "field"];

/** Facts that the first sentence has told already, or that only programs need. */
const TOLD = new Set([
  ...PLACES,
  "found",
  "expected",
  "hint",
  "log_tail",
  "environment",
  "library",
  "missing",
  "fix",
  "variable",
  "address",
  "value",
  "at_least",
  "signal",
  "signal_number",
  "exit_code",
  "function",
  "run",
  "phase",
  "pid",
  "host",
]);

/** Facts that the sentence of one code has told. */
const TOLD_BY: Readonly<Partial<Record<FailureCode, readonly string[]>>> = {
  loss_diverged: ["step"],
  gate_missed: ["step"],
  preempted: ["step"],
  oom_killed: ["rank", "node"],
  signal: ["rank", "node"],
  exit_code: ["rank", "node"],
  node_lost: ["node"],
  run_busy: ["epoch", "version"],
  store_corrupt: ["segment"],
};

/** Codes whose facts say all that their detail says. */
const TOLD_BY_FACTS: ReadonlySet<FailureCode> = new Set<FailureCode>([
  "address_in_use",
  "loss_diverged",
  "gate_missed",
  "oom_killed",
  "signal",
  "exit_code",
  "run_busy",
]);

/** `items.jsonl, line 2, requiredLength: found 0, expected between 1 and 200000 words.` */
function placed(failure: Failure, ...first: readonly (string | undefined)[]): string {
  const { facts, detail: text } = failure;
  const { found, expected } = facts;
  const places = [...first, ...PLACES.map((name) => placeText(name, facts[name]))].filter(
    (place) => place !== undefined && place !== "",
  );
  const where = [...new Set(places)].join(", ");
  const what = [found === undefined ? "" : `found ${found}`, expected === undefined ? "" : `expected ${expected}`]
    .filter((part) => part !== "")
    .join(", ");
  if (what === "" && facts["file"] !== undefined && text?.includes(facts["file"])) return sentence(firstLine(text));
  const said = what === "" ? firstLine(text ?? "no reason was given") : what;
  return sentence(where === "" ? said : `${where}: ${said}`);
}

/** A row is `line 3` of a file, or named by its id. */
function placeText(name: string, value: string | undefined): string | undefined {
  if (value === undefined || value === "" || name === "file" || name === "field") return value;
  return /^(line|row|the) /.test(value) ? value : `${name} ${value}`;
}

/** Adds what no sentence has told, by name. */
function withFurtherFacts(text: string, { code, facts }: Failure): string {
  const further = Object.entries(facts).filter(
    ([name, value]) => value !== "" && !TOLD.has(name) && TOLD_BY[code]?.includes(name) !== true,
  );
  if (further.length === 0) return text;
  const list = further.map(([name, value]) => `${name.replaceAll("_", " ")}: ${value}`).join(", ");
  return `${text.replace(/\.$/, "")} (${list}).`;
}

/** What was said where it happened, unless the first sentence says it already. */
function detail(failure: Failure, debug: boolean): string {
  const { code, facts, detail: text = "" } = failure;
  if (text === "" || debug) return text;
  if (code === "internal") return firstLine(text);
  const told = [facts["found"], facts["expected"]].filter((value) => value !== undefined);
  if (TOLD_BY_FACTS.has(code) || facts["missing"] !== undefined) return "";
  if (told.length > 0 && told.every((value) => text.includes(value))) return "";
  return whatHappened(failure).includes(firstLine(text).replace(/\.$/, "")) ? "" : sentence(capitalised(text));
}

function lastLines({ facts }: Failure): string {
  const tail = facts["log_tail"]?.trimEnd() ?? "";
  return tail === "" ? "" : `The last lines of the engine:\n${tail.replace(/^/gm, "  | ")}`;
}

function firstLine(text: string): string {
  return text.split("\n")[0] ?? "";
}

function sentence(text: string): string {
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
