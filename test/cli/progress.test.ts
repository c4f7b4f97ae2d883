import { expect, test } from "vitest";
import { PlainLines } from "../../runners/cli/plain-lines.js";
import { advance, beforeEvents, statusLine } from "../../runners/cli/progress.js";
import type { RunEvent, StoredEvent } from "../../sdk/run-folder/events.js";

const KEY = "0".repeat(64);
const quiet = { verbose: false };

/** Events at the given seconds of a run. */
function stored(events: readonly (readonly [number, RunEvent])[]): StoredEvent[] {
  return events.map(([seconds, event], index) => ({
    seq: index + 1,
    epoch: 1,
    time: new Date(Date.UTC(2026, 0, 1) + seconds * 1000).toISOString(),
    previous: KEY,
    event,
  }));
}

const started: RunEvent = { type: "run_started", run: "r", experiment: "e", specSha256: KEY, pid: 7, version: "1" };
const begins = (stage: string, kind: string, why = "it has not run yet"): RunEvent => ({
  type: "stage_started",
  stage,
  kind,
  key: KEY,
  why,
});
const ends = (stage: string, kind: string, seconds: number): RunEvent => ({
  type: "stage_finished",
  stage,
  kind,
  key: KEY,
  seconds,
});
const cached = (stage: string): RunEvent => ({ type: "stage_cached", stage, kind: "import", key: KEY });
const step = (number: number, loss: number): RunEvent => ({
  type: "step",
  stage: "sft",
  step: number,
  steps: 40,
  loss,
  gradientNorm: 1,
  learningRate: 1e-3,
  targetTokens: 400,
  tokens: 1_000,
  dataSeconds: 0,
  forwardSeconds: 0.2,
  backwardSeconds: 0.2,
  updateSeconds: 0.1,
  peakMemoryBytes: 1e6,
  peakDeviceMemoryBytes: 0,
  passes: 1,
  ranks: 1,
});
const texts = (done: number): RunEvent => ({ type: "progress", stage: "bench/texts", done, total: 8, unit: "texts" });

const wholeRun = stored([
  [0, started],
  [0.1, cached("sft/rows")],
  [0.1, cached("bench/items")],
  [0.2, begins("sft", "sft", "settings.steps was 20 and is 40")],
  [0.3, { type: "agent_started", agent: "agent-0", pid: 8, host: "here", versions: {} }],
  [0.4, { type: "phase", stage: "sft", phase: "loading", pid: 9 }],
  [4, { type: "log", stage: "sft", stream: "stderr", text: "\u001b[32mLoading weights: 100%\u001b[0m" }],
  [6, { type: "phase", stage: "sft", phase: "running", pid: 9 }],
  ...Array.from({ length: 40 }, (_, index): [number, RunEvent] => [7 + index * 0.5, step(index + 1, 4 - index / 20)]),
  [27, { type: "gate", stage: "sft", step: 40, value: 0.91, atLeast: 0.9, passed: true }],
  [27.5, { type: "checkpoint", stage: "sft", step: 40, path: "c" }],
  [28, ends("sft", "sft", 27.8)],
  [28.1, begins("bench/texts", "generate", "weights was a and is b")],
  [30, { type: "engine_ready", stage: "bench/texts", loadSeconds: 1.5 }],
  ...Array.from({ length: 8 }, (_, index): [number, RunEvent] => [32 + index * 2, texts(index + 1)]),
  [46.2, ends("bench/texts", "generate", 18.1)],
  [46.3, cached("bench/verdicts")],
  [46.4, begins("bench", "score")],
  [46.5, ends("bench", "score", 0.1)],
  [46.6, { type: "run_finished", seconds: 46.6 }],
]);

test("what a stage has found stays, and is shown without being asked for", () => {
  const text = plain(
    stored([
      [0, started],
      [0.1, begins("sft/rows-read", "read")],
      [0.2, { type: "note", stage: "sft/rows-read", text: "24 rows of decks.json" }],
      [0.3, ends("sft/rows-read", "read", 0.2)],
    ]),
    4,
  );
  expect(text).toContain("[1/4] sft/rows-read: 24 rows of decks.json\n");
});

function plain(events: readonly StoredEvent[], stages: number, options = quiet): string {
  const lines = new PlainLines(stages, options);
  return `${events.flatMap((event) => lines.after(event)).join("\n")}\n`;
}

test("a whole run as plain lines: what begins and ends, and every five seconds where a stage stands", async () => {
  await expect(plain(wholeRun, 6)).toMatchFileSnapshot("../golden/progress-plain.txt");
});

test("a terminal shows one line of the running stage, which changes, and keeps fewer lines", async () => {
  let progress = beforeEvents(6);
  const shown = wholeRun.flatMap((event) => {
    const after = advance(progress, event, quiet);
    progress = after.progress;
    const status = statusLine(progress);
    return [
      ...after.lines.filter(({ plainOnly }) => !plainOnly).map(({ text }) => text),
      ...(status === undefined ? [] : [`    ~ ${status}`]),
    ];
  });
  await expect(`${shown.join("\n")}\n`).toMatchFileSnapshot("../golden/progress-terminal.txt");
});

test("a run that is all in the cache says so in one line", () => {
  const events = stored([
    [0, started],
    ...["a", "b", "c"].map((stage): [number, RunEvent] => [0, cached(stage)]),
    [0, { type: "run_finished", seconds: 0 }],
  ]);
  expect(plain(events, 3)).toBe("all 3 stages from the cache\n");
});

test("what engines print is hidden unless it is asked for", () => {
  expect(plain(wholeRun, 6)).not.toContain("Loading weights");
  expect(plain(wholeRun, 6, { verbose: true })).toContain("    Loading weights: 100%\n");
});

test("a successor starts counting anew, and a failure, a preemption and a cancel name the stage that they ended", () => {
  const failed: RunEvent = { type: "run_failed", failure: { code: "signal", facts: {} }, stage: "sft" };
  const first = [
    [0, started],
    [1, cached("rows")],
    [2, begins("sft", "sft")],
    [9, failed],
  ] as const;
  const second = [
    [20, started],
    [21, cached("rows")],
    [22, begins("sft", "sft")],
    [23, { type: "cancel_asked", reason: "enough" }],
    [24, { type: "run_preempted", failure: { code: "preempted", facts: { step: "3" } }, stage: "sft" }],
    [25, started],
    [26, begins("sft", "sft")],
    [27, { type: "run_cancelled", reason: "enough" }],
  ] as const;
  expect(plain(stored([...first, ...second]), 3).split("\n")).toEqual([
    "[1/3] from the cache: rows",
    "[2/3] sft: begins (it has not run yet)",
    "[2/3] sft: failed after 7.0 s",
    "taken up again by a new runner",
    "[1/3] from the cache: rows",
    "[2/3] sft: begins (it has not run yet)",
    "cancelling: enough",
    "[2/3] sft: preempted after 2.0 s",
    "taken up again by a new runner",
    "[1/3] sft: begins (it has not run yet)",
    "[1/3] sft: cancelled after 1.0 s",
    "",
  ]);
});

test("work that an earlier attempt did is no part of the pace", () => {
  const events = stored([
    [0, started],
    [0, begins("bench/texts", "generate")],
    [1, { type: "engine_ready", stage: "bench/texts", loadSeconds: 1 }],
    [2, texts(6)],
    [4, texts(7)],
  ]);
  let progress = beforeEvents(1);
  for (const event of events) progress = advance(progress, event, quiet).progress;
  expect(statusLine(progress)).toBe("[1/1] bench/texts: 7/8 texts · 2.0 s left");
});
