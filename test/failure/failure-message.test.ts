import { expect, test } from "vitest";
import { type Failure, FailureCode, RunError } from "../../sdk/failure/failure.js";
import { failureMessage } from "../../sdk/failure/failure-message.js";

/** Failures as they are thrown, at least one of each code. */
const failures: readonly Failure[] = [
  { code: "user_cancel", facts: {} },
  {
    code: "spec_refused",
    fieldPath: "training.steps",
    detail: "training.steps must be at least 1; found 0.",
    facts: { expected: "at least 1", found: "0" },
  },
  {
    code: "spec_refused",
    detail: 'the script has no text for "a" and no "default".',
    fieldPath: "request_id",
    facts: {},
  },
  {
    code: "data_refused",
    facts: {
      file: "items.jsonl",
      row: "line 2",
      field: "requiredLength",
      found: "0",
      expected: "between 1 and 200000 words",
    },
  },
  {
    code: "data_refused",
    detail:
      "rows.jsonl: 2 of 9 rows are longer than max_tokens 64: a (80), b (70). Raise max_tokens to 80 or leave these rows out.",
    facts: { file: "rows.jsonl", row: "a", rows: "a, b" },
  },
  {
    code: "model_refused",
    facts: { file: "model", found: "no config.json", expected: "a model folder as the hub stores it" },
  },
  {
    code: "environment_missing",
    detail: "torch not installed",
    facts: {
      environment: "train",
      python: "/usr/bin/python3",
      missing: "torch",
      variable: "LONGFORM_TRAIN_PYTHON",
      fix: "longform setup",
    },
  },
  {
    code: "environment_missing",
    detail:
      "the repository org/model at revision main is not in the local cache, and the hub cannot be reached: no route to host.",
    facts: {
      repository: "org/model",
      revision: "main",
      cache: "/cache/hub",
      hint: "Connect this machine to the hub, or fill the cache on one that is and set HF_HOME to it.",
    },
  },
  {
    code: "environment_missing",
    detail: "the interpreter is too old",
    facts: {
      environment: "train",
      python: "/usr/bin/python3",
      found: "Python 3.9.2",
      expected: "Python 3.11 or newer",
    },
  },
  {
    code: "environment_missing",
    detail: "the interpreter does not start: spawn python ENOENT",
    facts: { environment: "vllm", python: "python", variable: "LONGFORM_VLLM_PYTHON" },
  },
  {
    code: "disk_full",
    detail: "/runs/.blobs/x: no space left",
    facts: { file: "/runs/.blobs/x", found: "no space left" },
  },
  { code: "address_in_use", detail: "listen EADDRINUSE", facts: { address: "127.0.0.1:80" } },
  { code: "launch_failed", detail: "the runner did not announce itself", facts: { run: "/runs/a", pid: "7" } },
  { code: "loss_diverged", detail: "Step 4: loss nan.", facts: { step: "4", loss: "nan", rows: "a, b" } },
  {
    code: "gate_missed",
    detail: "After 520 steps the gate measures 0.21, below 0.85.",
    facts: { step: "520", expected: "at least 0.85", found: "0.21", log_tail: "Loading weights\n" },
  },
  { code: "oom_killed", detail: "the kernel ended process 9: memory ran out", facts: { pid: "9" } },
  { code: "device_oom", facts: { peak_bytes: "80000000000" } },
  {
    code: "signal",
    detail: "process 9 was ended by SIGKILL",
    facts: { signal: "SIGKILL", signal_number: "9", pid: "9", log_tail: "one\ntwo" },
  },
  { code: "signal", facts: { signal: "SIGKILL", pid: "9", rank: "1", node: "agent-1", host: "b" } },
  { code: "exit_code", detail: "process 9 ended with code 3 and no result", facts: { exit_code: "3", pid: "9" } },
  { code: "node_lost", detail: "no answer for 30 s", facts: {} },
  { code: "node_lost", facts: { node: "agent-1", host: "b", silentMs: "30012" } },
  { code: "preempted", facts: { signal: "SIGTERM", pid: "7" } },
  { code: "preempted", facts: { step: "0", checkpoint: "" } },
  { code: "preempted", facts: { step: "40", checkpoint: "/runs/a/stages/sft/checkpoints/step-00000040" } },
  { code: "stalled", facts: { phase: "loading", seconds: "600" } },
  { code: "judge_unreachable", detail: "Error: 401", facts: { verdicts: "all 9 failed" } },
  { code: "user_code", detail: "TypeError: x is no function", facts: { function: "decks" } },
  { code: "user_code", facts: { function: "trueFacts", item: "deck-7", found: "7", expected: "a number from 0 to 1" } },
  {
    code: "run_busy",
    detail: "process 7 on here runs it",
    facts: { run: "/runs/a", pid: "7", host: "here", epoch: "2", version: "0.1.0" },
  },
  {
    code: "store_corrupt",
    detail: "000001.jsonl is damaged at byte 80: found x",
    facts: {
      file: "/runs/a/events/000001.jsonl",
      segment: "000001.jsonl",
      offset: "80",
      found: "x",
      expected: "event 2 as it was written",
    },
  },
  { code: "internal", detail: "TypeError: x is no function\n    at f (file.js:1:1)", facts: {} },
];

test("every code has its sentences, which name what was found, what is expected and what to change", async () => {
  expect(new Set(failures.map(({ code }) => code))).toEqual(new Set(FailureCode.options));
  const text = failures.map((failure) => `# ${failure.code}\n${failureMessage(failure)}\n`).join("\n");
  await expect(text).toMatchFileSnapshot("../golden/failure-messages.txt");
});

test("no message has a stack trace, a hole or the same thing twice; --debug shows all there is", () => {
  for (const failure of failures) {
    const message = failureMessage(failure);
    expect(message).not.toMatch(/undefined|\n\s+at /);
    const lines = message.split("\n");
    expect(new Set(lines).size).toBe(lines.length);
    if (failure.detail !== undefined) expect(failureMessage(failure, { debug: true })).toContain(failure.detail);
  }
});

test("the commands in an advice are those of the caller", () => {
  const { failure } = new RunError({ code: "signal", facts: { signal: "SIGKILL" } });
  expect(failureMessage(failure)).toContain("`longform resume RUN` takes the run up");
  expect(failureMessage(failure, { command: (verb) => `npx longform ${verb} a-1` })).toContain(
    "`npx longform logs a-1` has everything",
  );
});
