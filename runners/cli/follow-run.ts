import { basename } from "node:path";
import { attach } from "../../sdk/client/attach.js";
import { subscribeLive } from "../../sdk/client/live.js";
import { readRunnerRecord } from "../../sdk/client/runner-record.js";
import { planStages } from "../../sdk/plan/stages.js";
import { readSpec } from "../../sdk/run-folder/read-run.js";
import type { RunState } from "../../sdk/run-folder/run-state.js";
import { cancelRun } from "./cancel-run.js";
import { type Display, openDisplay } from "./display.js";
import { ExitCode } from "./exit-code.js";
import { runCommandText } from "./invocation.js";
import { showOutcome } from "./outcome.js";

/** A second Ctrl-C within this time after the first cancels the run. */
const SECOND_INTERRUPT_MS = 2_000;

export interface FollowOptions {
  /** Events up to this number are not shown. */
  readonly afterSeq: number;
  readonly json: boolean;
  readonly debug: boolean;
  readonly verbose: boolean;
  /** `--runs` as it was given, for the commands that are printed. */
  readonly runs: string | undefined;
  /** Show nothing before the run has ended. */
  readonly quiet?: boolean;
}

/** Tells how a run came out and gives the exit code. */
export type TellOutcome = (state: RunState) => Promise<number>;

/**
 * Shows a run until it has ended. The first Ctrl-C ends the showing and prints how to come back, a second one
 * within two seconds cancels the run.
 *
 * @param ready What has to be done before there is anything to show. An interrupt waits for it.
 * @param tell What is told at the end; without it, scores and report or the reason of the failure.
 * @returns The exit code.
 */
export async function followRun(
  runDir: string,
  options: FollowOptions,
  ready: () => Promise<void> = async () => {},
  tell: TellOutcome = async (state) => await showOutcome(runDir, state, options),
): Promise<number> {
  const interrupts = new Interrupts();
  try {
    const stages = planStages(await readSpec(runDir)).length;
    await ready();
    const display = openDisplay(process.stdout, { ...options, stages });
    const live = new AbortController();
    try {
      if (display.live && !interrupts.first.aborted) void showLive(runDir, display, live.signal);
      const show = async (until: AbortSignal) => await attach(runDir, shown, take, until);
      let shown = options.afterSeq;
      const take: Parameters<typeof attach>[2] = (stored) => {
        shown = stored.seq;
        display.event(stored);
      };
      let state = await show(interrupts.first);
      if (state === "running") {
        display.close();
        tellDetached(runDir, options.runs);
        if (!(await interrupts.second(SECOND_INTERRUPT_MS))) return ExitCode.done;
        await cancelRun(runDir, "a second Ctrl-C");
        state = await show(new AbortController().signal);
      }
      display.close();
      return await tell(state);
    } finally {
      live.abort();
      display.close();
    }
  } finally {
    interrupts.close();
  }
}

/** Ctrl-C, counted. */
class Interrupts {
  readonly #first = new AbortController();
  readonly #again = new AbortController();
  readonly #onInterrupt = () => {
    if (this.#first.signal.aborted) this.#again.abort();
    else this.#first.abort();
  };
  readonly first = this.#first.signal;

  constructor() {
    process.on("SIGINT", this.#onInterrupt);
  }

  /** Whether a second one comes in time. */
  async second(withinMs: number): Promise<boolean> {
    if (this.#again.signal.aborted) return true;
    return await new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), withinMs);
      this.#again.signal.addEventListener("abort", () => {
        clearTimeout(timer);
        resolve(true);
      });
    });
  }

  close(): void {
    process.off("SIGINT", this.#onInterrupt);
  }
}

async function showLive(runDir: string, display: Display, signal: AbortSignal): Promise<void> {
  try {
    const endpoint = (await readRunnerRecord(runDir))?.liveEndpoint ?? "";
    await subscribeLive(
      endpoint,
      (frame, missed) => {
        if (frame.kind === "text") display.text(frame.text, frame.tokens, missed);
      },
      signal,
    );
  } catch {
    // What is live may be lost.
  }
}

/** The ways back to a run that goes on without this process. */
export function wayBack(runDir: string, runs: string | undefined): string {
  return ["watch", "cancel"].map((verb) => `  ${runCommandText(verb, runDir, runs)}`).join("\n");
}

function tellDetached(runDir: string, runs: string | undefined): void {
  process.stderr.write(
    `\nDetached: ${basename(runDir)} goes on. Ctrl-C once more within 2 s cancels it. To come back, or to cancel it later:\n${wayBack(runDir, runs)}\n`,
  );
}
