import { basename } from "node:path";
import type { StoredEvent } from "../run-folder/events.js";
import type { RunResults } from "../run-folder/results.js";
import type { RunState } from "../run-folder/run-state.js";
import type { Failure } from "../failure/failure.js";
import type { Experiment } from "../spec/experiment.js";
import type { SubmitOptions } from "./submit.js";

export interface RunOptions extends SubmitOptions {
  /** Called with every stored event, in order. */
  readonly onEvent?: ((event: StoredEvent) => Promise<void> | void) | undefined;
  /** Ends the watching; the run goes on. */
  readonly signal?: AbortSignal | undefined;
}

/** How a run came out. */
export interface RunOutcome {
  /** Name of the run, for `longform watch`. */
  readonly id: string;
  readonly runDir: string;
  readonly state: RunState;
  /** Why it failed or was preempted. */
  readonly failure?: Failure | undefined;
  /** Scores and trainings, once it has finished. */
  readonly results?: RunResults | undefined;
  /** Path of the HTML report, once it has finished. */
  readonly report?: string | undefined;
}

/**
 * Runs an experiment in a process of its own and watches it. If this process ends, the run goes on.
 *
 * @throws SpecError naming every field that does not fit; RunError when the run could not be started.
 */
export async function run(experiment: Experiment, options: RunOptions = {}): Promise<RunOutcome> {
  // Loaded here, because every spec imports this module and few run anything.
  const [{ submit }, { start }, { attach }] = await Promise.all([
    import("./submit.js"),
    import("./start.js"),
    import("./attach.js"),
  ]);
  const { runDir, standing } = await submit(experiment, options);
  if (standing !== "running") await start(runDir);
  const state = await attach(runDir, 0, options.onEvent ?? (() => {}), options.signal ?? new AbortController().signal);
  return await outcomeOf(runDir, state);
}

/** What there is to know of a run that has been watched to its end. */
export async function outcomeOf(runDir: string, state: RunState): Promise<RunOutcome> {
  const [{ readExit }, { readResults }, { runPaths }] = await Promise.all([
    import("../run-folder/read-run.js"),
    import("../run-folder/read-report.js"),
    import("../run-folder/run-paths.js"),
  ]);
  const outcome = { id: basename(runDir), runDir, state };
  if (state === "finished") return { ...outcome, results: await readResults(runDir), report: runPaths(runDir).report };
  if (state === "preempted") {
    const { lastEvent } = await import("../run-folder/last-event.js");
    const event = lastEvent(runDir)?.event;
    return { ...outcome, failure: event?.type === "run_preempted" ? event.failure : undefined };
  }
  return { ...outcome, failure: (await readExit(runDir))?.failure };
}
