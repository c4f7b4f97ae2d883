import type { Failure } from "./failure.js";

/** A failure as sentences for people: what happened, where, and what to change. The one place where they are written. */
export function failureMessage(failure: Failure): string {
  return [`${whatHappened(failure)}${where(failure)}`, advice(failure), detail(failure)]
    .filter((line) => line !== "")
    .join("\n");
}

function whatHappened({ code, facts, fieldPath }: Failure): string {
  const fact = (name: string, otherwise = "unknown") => facts[name] ?? otherwise;
  switch (code) {
    case "user_cancel":
      return "The run was cancelled.";
    case "spec_refused":
      return `The spec does not fit${fieldPath === undefined ? "" : ` at ${fieldPath}`}${foundExpected(facts)}.`;
    case "data_refused":
      return `The data cannot be used${foundExpected(facts)}.`;
    case "model_refused":
      return `The model folder cannot be used${foundExpected(facts)}.`;
    case "environment_missing":
      return facts["library"] === undefined
        ? `The Python environment "${fact("environment", "train")}" is not there${foundExpected(facts)}.`
        : `The Python environment "${fact("environment", "train")}" has no ${facts["library"]}.`;
    case "disk_full":
      return `The disk is full${foundExpected(facts)}.`;
    case "address_in_use":
      return `The address ${fact("address")} is in use.`;
    case "launch_failed":
      return "The worker could not be started.";
    case "loss_diverged":
      return `The loss is not finite at step ${fact("step")}.`;
    case "gate_missed":
      return `The gate was missed after ${fact("step")} steps: ${fact("value", fact("found"))} of at least ${fact("at_least", fact("expected"))}.`;
    case "oom_killed":
      return "The kernel ended the engine because memory ran out.";
    case "device_oom":
      return "The accelerator ran out of memory.";
    case "signal":
      return `The engine was ended by signal ${fact("signal")}.`;
    case "exit_code":
      return `The engine ended by itself with exit code ${fact("exit_code")}.`;
    case "node_lost":
      return "The worker stopped answering.";
    case "stalled":
      return `The engine made no progress in the phase "${fact("phase")}".`;
    case "judge_unreachable":
      return "No judge gave an answer that can be used.";
    case "user_code":
      return `The function ${fact("function", fact("file"))} of the experiment failed${foundExpected(facts)}.`;
    case "run_busy":
      return `Another runner holds this run: process ${fact("pid")} on ${fact("host")}.`;
    case "store_corrupt":
      return `The run store does not match its hashes${foundExpected(facts)}.`;
    case "internal":
      return "Longform itself failed.";
  }
}

function advice({ code, facts }: Failure): string {
  if (facts["hint"] !== undefined) return facts["hint"];
  switch (code) {
    case "environment_missing":
      return "Run `longform setup`, or name an interpreter in LONGFORM_TRAIN_PYTHON.";
    case "disk_full":
      return "Free some space, then `longform resume` takes the run up where it stopped.";
    case "address_in_use":
      return "Choose another port, or leave --listen out: a private socket needs none.";
    case "loss_diverged":
      return "Lower optimizer.peakLearningRate or optimizer.maxGradientNorm, or look at the rows of that step.";
    case "gate_missed":
      return "Raise steps or gate.extraRounds, or lower gate.atLeast.";
    case "oom_killed":
      return "Lower examplesPerPass, visionPolicy.maxPixels or engine.maxBatchSequences.";
    case "device_oom":
      return "Lower examplesPerPass, visionPolicy.maxPixels or engine.maxBatchSequences, or turn gradientCheckpointing on.";
    case "signal":
    case "exit_code":
    case "node_lost":
    case "launch_failed":
    case "stalled":
      return "`longform logs RUN` has its last lines; `longform resume RUN` takes it up where it stopped.";
    case "run_busy":
      return "`longform watch RUN` follows it.";
    case "store_corrupt":
      return "Everything before that place is still readable; a new run recomputes what is gone.";
    case "user_cancel":
    case "spec_refused":
    case "data_refused":
    case "model_refused":
    case "judge_unreachable":
    case "user_code":
    case "internal":
      return "";
  }
}

/** Facts that the first sentence has told already, or that only programs need. */
const TOLD = new Set([
  "found",
  "expected",
  "hint",
  "log_tail",
  "environment",
  "library",
  "address",
  "value",
  "at_least",
  "signal",
  "exit_code",
  "function",
]);

function where({ facts }: Failure): string {
  const places = Object.entries(facts).filter(([name, value]) => !TOLD.has(name) && value !== "");
  return places.length === 0
    ? ""
    : ` (${places.map(([name, value]) => `${name.replaceAll("_", " ")}: ${value}`).join(", ")})`;
}

function foundExpected(facts: Failure["facts"]): string {
  const { found, expected } = facts;
  if (found === undefined && expected === undefined) return "";
  return `: ${[found === undefined ? "" : `found ${found}`, expected === undefined ? "" : `expected ${expected}`].filter((part) => part !== "").join(", ")}`;
}

function detail({ detail: text, facts }: Failure): string {
  const tail = facts["log_tail"];
  const lines = tail === undefined ? [] : [`Its last lines:\n${tail.replace(/^/gm, "  ")}`];
  return [text ?? "", ...lines].filter((line) => line !== "").join("\n");
}
