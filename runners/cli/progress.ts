import { secondsText } from "../../sdk/report/numbers.js";
import type { RunEvent, StoredEvent } from "../../sdk/run-folder/events.js";
import { type Pace, paceAfter, rateOf, secondsLeft, startPace } from "./pace.js";
import { printable } from "./screen.js";

/** What a reader of a run's events needs to keep: a value, never changed. */
export interface Progress {
  /** Stages of the plan. */
  readonly stages: number;
  /** Stages that are through. */
  readonly through: number;
  /** Stages out of the cache that no line has named yet. */
  readonly cached: readonly string[];
  readonly current?: Current | undefined;
  readonly runners: number;
}

/** The stage that runs. */
interface Current {
  readonly stage: string;
  readonly kind: string;
  readonly startedMs: number;
  readonly phase: string;
  readonly pace: Pace;
  readonly step?: Extract<RunEvent, { type: "step" }> | undefined;
  readonly progress?: Extract<RunEvent, { type: "progress" }> | undefined;
  readonly gate?: Extract<RunEvent, { type: "gate" }> | undefined;
}

/** A line that stays. */
export interface ProgressLine {
  readonly text: string;
  /** Says nothing that the line of the running stage does not say: for outputs that have none. */
  readonly plainOnly: boolean;
}

export interface ProgressOptions {
  /** Show what engines and libraries print as well. */
  readonly verbose: boolean;
}

/** Before the first event. */
export function beforeEvents(stages: number): Progress {
  return { stages, through: 0, cached: [], runners: 0 };
}

/** The progress after one more event, and the lines that the event gives. */
export interface Advance {
  readonly progress: Progress;
  readonly lines: readonly ProgressLine[];
}

/** Takes one more event. The result depends on the events alone. */
export function advance(before: Progress, { event, time }: StoredEvent, options: ProgressOptions): Advance {
  const nowMs = Date.parse(time);
  switch (event.type) {
    case "run_started":
    case "stage_cached":
    case "stage_started":
    case "stage_finished":
    case "run_finished":
    case "run_failed":
    case "run_cancelled":
    case "run_preempted":
      return advanceRun(before, event, nowMs);
    case "cancel_asked":
      return { progress: before, lines: [always(`cancelling: ${event.reason}`)] };
    case "log":
      return { progress: before, lines: options.verbose ? [always(`    ${printable(event.text).trimEnd()}`)] : [] };
    case "note":
      return { progress: before, lines: [always(`${place(before)} ${event.stage}: ${printable(event.text)}`)] };
    case "agent_started":
      return { progress: before, lines: [plain(`worker agent started (process ${event.pid} on ${event.host})`)] };
    case "phase":
    case "progress":
    case "rows_planned":
    case "step":
    case "gate":
    case "checkpoint":
    case "engine_ready":
    case "sample_done":
    case "verdict":
      return {
        progress: { ...before, current: currentAfter(before.current, event, nowMs) },
        lines: gateLines(before, event),
      };
  }
}

type RunLevelEvent = Extract<
  RunEvent,
  { type: "run_started" | "stage_cached" | "stage_started" | "stage_finished" | EndEvent["type"] }
>;
type EndEvent = Extract<RunEvent, { type: "run_finished" | "run_failed" | "run_cancelled" | "run_preempted" }>;

function advanceRun(before: Progress, event: RunLevelEvent, nowMs: number): Advance {
  switch (event.type) {
    case "run_started":
      return {
        progress: { ...beforeEvents(before.stages), runners: before.runners + 1 },
        lines: before.runners === 0 ? [] : [always("taken up again by a new runner")],
      };
    case "stage_cached":
      return {
        progress: { ...before, through: before.through + 1, cached: [...before.cached, event.stage] },
        lines: [],
      };
    case "stage_started": {
      const { stage, kind, why } = event;
      const current: Current = { stage, kind, startedMs: nowMs, phase: "starting", pace: startPace(nowMs) };
      const progress = { ...before, cached: [], current };
      const line = `${place(progress)} ${stage}: begins${why === "" ? "" : ` (${why})`}`;
      return { progress, lines: [...cachedLines(before), plain(line)] };
    }
    case "stage_finished": {
      const line = `${place(before)} ${event.stage}: done in ${secondsText(event.seconds)}${summary(before.current)}`;
      return {
        progress: { ...before, through: before.through + 1, current: undefined },
        lines: [always(line)],
      };
    }
    case "run_finished":
    case "run_failed":
    case "run_cancelled":
    case "run_preempted":
      return {
        progress: { ...before, cached: [], current: undefined },
        lines: [...cachedLines(before), ...endLines(before, event, nowMs)],
      };
  }
}

type StageEvent = Extract<
  RunEvent,
  {
    type:
      | "phase"
      | "progress"
      | "rows_planned"
      | "step"
      | "gate"
      | "checkpoint"
      | "engine_ready"
      | "sample_done"
      | "verdict";
  }
>;

function currentAfter(before: Current | undefined, event: StageEvent, nowMs: number): Current | undefined {
  if (before === undefined || event.stage !== before.stage) return before;
  switch (event.type) {
    case "phase":
      return { ...before, phase: event.phase, pace: startPace(nowMs) };
    case "engine_ready":
      return { ...before, phase: "running", pace: startPace(nowMs) };
    case "progress":
      return { ...before, progress: event, pace: paceAfter(before.pace, nowMs, event.done, 0) };
    case "step":
      return { ...before, step: event, pace: paceAfter(before.pace, nowMs, event.step, event.tokens) };
    case "gate":
      return { ...before, gate: event };
    case "rows_planned":
    case "checkpoint":
    case "sample_done":
    case "verdict":
      return before;
  }
}

/** One line on the stage that runs now; undefined when none does. */
export function statusLine(progress: Progress): string | undefined {
  const { current } = progress;
  if (current === undefined) return undefined;
  return `${place(progress)} ${current.stage}: ${statusParts(current).join(" · ")}`;
}

function statusParts({ phase, step, progress, pace }: Current): string[] {
  if (phase !== "running" && phase !== "planning") return [phase];
  const left = (done: number, total: number) => {
    const seconds = secondsLeft(pace, total - done);
    return seconds === undefined ? [] : [`${secondsText(seconds)} left`];
  };
  if (step !== undefined) {
    const { tokensPerSecond } = rateOf(pace);
    const speed = tokensPerSecond === undefined ? [] : [`${counted(tokensPerSecond)} tokens/s`];
    return [
      `step ${step.step}/${step.steps}`,
      `loss ${step.loss.toFixed(4)}`,
      ...speed,
      ...left(step.step, step.steps),
    ];
  }
  if (progress !== undefined)
    return [
      `${counted(progress.done)}/${counted(progress.total)} ${progress.unit}`,
      ...left(progress.done, progress.total),
    ];
  return [phase];
}

function summary(current: Current | undefined): string {
  if (current?.step !== undefined) {
    const { step, loss } = current.step;
    const gate = current.gate === undefined ? "" : `, gate ${current.gate.value.toFixed(3)}`;
    return ` · ${counted(step)} steps, loss ${loss.toFixed(4)}${gate}`;
  }
  return current?.progress === undefined ? "" : ` · ${counted(current.progress.total)} ${current.progress.unit}`;
}

function gateLines(progress: Progress, event: StageEvent): readonly ProgressLine[] {
  if (event.type !== "gate") return [];
  const { step, value, atLeast, passed } = event;
  return [
    always(
      `${place(progress)} ${event.stage}: gate at step ${step}: ${value.toFixed(3)}, ${passed ? "passed" : "not yet passed"} (at least ${atLeast})`,
    ),
  ];
}

function endLines({ current, ...progress }: Progress, event: EndEvent, nowMs: number): ProgressLine[] {
  if (current === undefined || event.type === "run_finished") return [];
  const seconds = secondsText((nowMs - current.startedMs) / 1000);
  const how = { run_failed: "failed", run_cancelled: "cancelled", run_preempted: "preempted" }[event.type];
  return [always(`${place(progress)} ${current.stage}: ${how} after ${seconds}`)];
}

/** Stages out of the cache, in one line however many they are. */
function cachedLines({ cached, stages, through }: Progress): ProgressLine[] {
  const [first] = cached;
  if (first === undefined) return [];
  if (cached.length === stages) return [always(`all ${stages} stages from the cache`)];
  const range = cached.length === 1 ? `${through}` : `${through - cached.length + 1}-${through}`;
  return [always(`[${range}/${stages}] from the cache: ${cached.join(", ")}`)];
}

function place({ through, stages }: Progress): string {
  return `[${through + 1}/${stages}]`;
}

function always(text: string): ProgressLine {
  return { text, plainOnly: false };
}

function plain(text: string): ProgressLine {
  return { text, plainOnly: true };
}

function counted(value: number): string {
  return Math.round(value).toLocaleString("en");
}
