import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, resolve } from "node:path";
import { freeze } from "../sdk/client/freeze.js";
import { loadSpec } from "../sdk/client/load-spec.js";
import { prepareRun } from "../sdk/client/prepare-run.js";
import { sha256 } from "../sdk/experiment/canonical-json.js";
import { findingLine } from "../sdk/experiment/spec-error.js";
import { type Failure, failureOf, RunError } from "../sdk/failure/failure.js";
import { findMismatches } from "../sdk/plan/findings.js";
import type { ExitRecord } from "../sdk/run-folder/events.js";
import { readSpec } from "../sdk/run-folder/read-run.js";
import { runPaths } from "../sdk/run-folder/run-paths.js";
import type { Experiment } from "../sdk/spec/experiment.js";
import { CancelIntent, withdrawCancelIntent } from "./cancel-intent.js";
import { writeManifest } from "./outcome/manifest.js";
import { packageVersion } from "./package-version.js";
import { shutDownPredecessors } from "./launch/agents-record.js";
import { LiveView } from "./live/live-view.js";
import { RunWorker } from "./run-worker.js";
import { runExperiment } from "./runner.js";
import { announceRunner, withdrawRunner } from "./service/runner-record.js";
import { RunnerService } from "./service/runner-service.js";
import { RuntimeFolder } from "./service/runtime-folder.js";
import { stageOfJob } from "./stages/context.js";
import { CapturedCode } from "./stages/user-code.js";
import { openRun, type RunStore } from "./store/run-store.js";

/** What a runner is started with. */
export interface ServeOptions {
  readonly runDir: string;
  /** A spec to freeze into a fresh run folder. */
  readonly spec: string | undefined;
  readonly listen: string | undefined;
  /** Aborted when this runner shall end and leave its run to a successor. */
  readonly stop: AbortSignal;
}

/** How a runner left its run: at one of the run's ends, or in good order before it. */
export type Left = ExitRecord["state"] | "preempted";

/**
 * Runs one run to its end while clients watch: takes the run, opens its service, runs the experiment,
 * closes everything that it has opened, and only then stores how it ended.
 *
 * @throws RunError when the run could not be taken up at all; a failure inside it is its end, not an exception.
 */
export async function serveRun(options: ServeOptions): Promise<Left> {
  const runDir = resolve(options.runDir);
  if (options.spec !== undefined) {
    const { experiment, base } = await loadSpec(options.spec);
    await prepareRun(runDir, await freeze(experiment, base));
  }
  const experiment = await readSpec(runDir);
  await using store = await openRun(runDir, { host: hostname(), pid: process.pid, version: packageVersion });
  await using runtime = await RuntimeFolder.open(runDir);
  await using intent = await CancelIntent.open(runDir, store);
  const token = randomBytes(24).toString("hex");
  await using live = await LiveView.open(runtime.file("live.sock"), stageOfJob);
  const liveEndpoint = live?.endpoint ?? "";
  const signal = AbortSignal.any([intent.signal, options.stop]);
  const worker = new RunWorker({ store, runtime, live, token, signal });
  const opened = await RunnerService.start({
    socketPath: runtime.file("runner.sock"),
    listen: options.listen,
    token,
    run: {
      runId: basename(runDir),
      epoch: store.epoch,
      lastSeq: () => store.lastSeq,
      tail: (afterSeq, signal) => store.tail(afterSeq, signal),
      cancel: (reason) => intent.ask(reason),
      liveEndpoint: () => liveEndpoint,
    },
  }).catch((error: unknown) => ({ error }));
  // The run has been taken up, so that it cannot be served is its end.
  if ("error" in opened) return await recordEnd(store, { state: "failed", error: opened.error, stage: undefined }, 0);
  await using service = opened;
  worker.serve(service);
  await announceRunner(runDir, {
    address: service.address,
    listening: service.listening,
    token,
    pid: process.pid,
    epoch: store.epoch,
    liveEndpoint,
  });
  try {
    const started = performance.now();
    const ended = await runAndClose(experiment, store, worker, intent, options.stop);
    return await recordEnd(store, ended, (performance.now() - started) / 1000);
  } finally {
    await withdrawRunner(runDir, store.epoch);
  }
}

/** How a run came out, before it is stored. */
type Ended =
  | { readonly state: "finished" }
  | { readonly state: "failed"; readonly error: unknown; readonly stage: string | undefined }
  | { readonly state: "cancelled"; readonly reason: string }
  | { readonly state: "preempted"; readonly failure: Failure; readonly stage: string | undefined };

async function runAndClose(
  experiment: Experiment,
  store: RunStore,
  worker: RunWorker,
  intent: CancelIntent,
  stop: AbortSignal,
): Promise<Ended> {
  let stage: string | undefined;
  try {
    await shutDownPredecessors(store.runDir, store.epoch);
    const specSha256 = sha256((await readFile(runPaths(store.runDir).spec, "utf8")).trimEnd());
    await store.append({
      type: "run_started",
      run: basename(store.runDir),
      experiment: experiment.name,
      specSha256,
      pid: process.pid,
      version: packageVersion,
    });
    await writeManifest(store.runDir, experiment, specSha256);
    refuseMismatches(experiment);
    const signal = AbortSignal.any([intent.signal, stop]);
    await using code = new CapturedCode(store.runDir, signal);
    await code.check(experiment);
    const context = {
      store,
      signal,
      worker: () => worker.first(),
      workers: (count: number) => worker.get(count),
      userFunction: (reference: Parameters<typeof code.load>[0]) => code.load(reference),
    };
    await runExperiment(experiment, context, (id) => {
      stage = id;
    });
    // A wish that came at the last moment finds the results published.
    await intent.close();
    return { state: "finished" };
  } catch (error) {
    await intent.close();
    if (intent.asked !== undefined) return { state: "cancelled", reason: intent.asked };
    const failure = preemption(error, stop);
    return failure === undefined ? { state: "failed", error, stage } : { state: "preempted", failure, stage };
  } finally {
    // Nothing of the run is alive when its end is stored.
    await worker.close();
  }
}

/** That the run ended because the machine is taken away: as an engine told it, or as this process was told. */
function preemption(error: unknown, stop: AbortSignal): Failure | undefined {
  const failure = failureOf(error);
  if (failure.code === "preempted") return failure;
  return stop.aborted ? failureOf(stop.reason) : undefined;
}

async function recordEnd(store: RunStore, ended: Ended, seconds: number): Promise<Left> {
  const time = new Date().toISOString();
  switch (ended.state) {
    case "preempted": {
      // No end: whoever takes the run up goes on with it. Where the disk takes no event the run is merely interrupted.
      const { failure, stage } = ended;
      await store
        .append({ type: "run_preempted", failure, ...(stage === undefined ? {} : { stage }) })
        .catch(() => undefined);
      break;
    }
    case "finished":
      await store.append({ type: "run_finished", seconds });
      await store.finish({ state: "finished", epoch: store.epoch, time });
      break;
    case "cancelled":
      await store.append({ type: "run_cancelled", reason: ended.reason });
      await store.finish({ state: "cancelled", epoch: store.epoch, time });
      break;
    case "failed": {
      const failure = failureOf(ended.error);
      if (failure.code === "disk_full") await store.spendReserve();
      // Where the disk takes no event all the same, the end itself must still be tried.
      await store
        .append({ type: "run_failed", failure, ...(ended.stage === undefined ? {} : { stage: ended.stage }) })
        .catch(() => undefined);
      await store.finish({ state: "failed", epoch: store.epoch, time, failure });
      break;
    }
  }
  // What came after the end wishes for nothing; a runner that takes the run up again shall not find it.
  if (ended.state !== "preempted") await withdrawCancelIntent(store.runDir).catch(() => undefined);
  return ended.state;
}

function refuseMismatches(experiment: Experiment): void {
  const [first, ...others] = findMismatches(experiment);
  if (first === undefined) return;
  throw new RunError({
    code: "spec_refused",
    fieldPath: first.path,
    detail: others.map(findingLine).join("\n") || undefined,
    facts: { found: first.found, expected: first.expected },
  });
}
