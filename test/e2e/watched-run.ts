// Runs as users have them: a runner process, a worker agent and engines, watched from here and disturbed by signals.
import { existsSync, realpathSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, expect } from "vitest";
import { z } from "zod";
import type { Experiment } from "longform";
import { processesOfRun, signalProcess } from "../../runners/launch/processes.js";
import { runtimePath } from "../../runners/service/runtime-folder.js";
import { attach } from "../../sdk/client/attach.js";
import { outcomeOf, type RunOutcome } from "../../sdk/client/run.js";
import { RunnerClient } from "../../sdk/client/runner-client.js";
import { readRunnerRecord } from "../../sdk/client/runner-record.js";
import { start } from "../../sdk/client/start.js";
import { submit } from "../../sdk/client/submit.js";
import type { RunEvent, StoredEvent } from "../../sdk/run-folder/events.js";
import { startTicks } from "../../sdk/run-folder/process-identity.js";
import { readEvents } from "../../sdk/run-folder/read-events.js";
import { runPaths } from "../../sdk/run-folder/run-paths.js";
import { type RunState, runState } from "../../sdk/run-folder/run-state.js";

const here = dirname(fileURLToPath(import.meta.url));
/** Longest wait for anything: far above what it takes, so that a busy machine fails no test. */
export const PATIENCE_MS = 300_000;

type EventOf<Type extends RunEvent["type"]> = Extract<RunEvent, { type: Type }>;

const folders: string[] = [];
const begun: WatchedRun[] = [];

// After the tests of every file that imports this: nothing of theirs goes on, and nothing of it is left.
afterAll(async () => {
  for (const run of begun) await run.destroy();
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
}, PATIENCE_MS);

/** A folder of runs. */
export async function runsFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "longform-e2e-"));
  folders.push(folder);
  return folder;
}

/** One run, from its start over every disturbance to its end. */
export class WatchedRun {
  readonly runDir: string;
  /** Marks of the processes of every runner of this run. */
  readonly #cookies = new Set<string>();
  #seen = 0;

  constructor(runDir: string) {
    this.runDir = runDir;
    begun.push(this);
  }

  /** Submits an experiment and starts its runner. */
  static async begin(experiment: Experiment, runs: string): Promise<WatchedRun> {
    const { runDir } = await submit(experiment, { runs, base: here });
    const run = new WatchedRun(runDir);
    await run.resume();
    return run;
  }

  /** Starts a runner for the run as it stands. */
  async resume(): Promise<void> {
    await start(this.runDir);
  }

  /** Watches to the next event that is wanted. Fails when the run ends before it. */
  async until<Type extends RunEvent["type"]>(
    type: Type,
    wanted: (event: EventOf<Type>) => boolean = () => true,
  ): Promise<EventOf<Type>> {
    let found: EventOf<Type> | undefined;
    const state = await this.#watch(({ event }) => {
      if (!isOf(event, type) || !wanted(event)) return false;
      found = event;
      return true;
    });
    if (found === undefined) throw new Error(`the run is ${state} and no ${type} came: ${await this.#lastWords()}`);
    return found;
  }

  /** Watches to the end of the run, or of its runner. */
  async end(patienceMs = PATIENCE_MS): Promise<RunOutcome> {
    return await outcomeOf(this.runDir, await this.#watch(() => false, patienceMs));
  }

  async #watch(wanted: (stored: StoredEvent) => boolean, patienceMs = PATIENCE_MS): Promise<RunState> {
    const enough = new AbortController();
    const signal = AbortSignal.any([enough.signal, AbortSignal.timeout(patienceMs)]);
    const after = this.#seen;
    return await attach(
      this.runDir,
      after,
      async (stored) => {
        if (enough.signal.aborted) return;
        // Numbered without a gap, whoever sends it.
        expect(stored.seq).toBe(this.#seen + 1);
        this.#seen = stored.seq;
        if (stored.event.type === "agent_started") await this.#learnCookies();
        if (wanted(stored)) enough.abort();
      },
      signal,
    );
  }

  async #learnCookies(): Promise<void> {
    const text = await readFile(join(this.runDir, "agents.json"), "utf8").catch(() => "[]");
    for (const { cookie } of Agents.parse(JSON.parse(text))) this.#cookies.add(cookie);
  }

  /** Processes of this run that live. */
  async processes(): Promise<number[]> {
    const found = await Promise.all([...this.#cookies].map((cookie) => processesOfRun(cookie)));
    return found.flat();
  }

  /** The process of a rank of the training that runs. */
  async rank(rank: number): Promise<number> {
    for (const pid of await this.processes()) {
      const variables = await readFile(`/proc/${pid}/environ`, "latin1").catch(() => "");
      const command = await readFile(`/proc/${pid}/cmdline`, "latin1").catch(() => "");
      if (variables.split("\0").includes(`RANK=${rank}`) && command.includes("longform_worker.engines")) return pid;
    }
    throw new Error(`no process has rank ${rank}`);
  }

  /** Every stored event, its chain checked. */
  async events(): Promise<RunEvent[]> {
    const events: RunEvent[] = [];
    for await (const { event } of readEvents(this.runDir, 0)) events.push(event);
    return events;
  }

  async eventsOf<Type extends RunEvent["type"]>(type: Type): Promise<EventOf<Type>[]> {
    return (await this.events()).flatMap((event) => (isOf(event, type) ? [event] : []));
  }

  /** Asks the runner to end the run, as `longform cancel` does. */
  async cancel(): Promise<void> {
    const runner = await readRunnerRecord(this.runDir);
    if (runner === undefined) throw new Error("no runner to ask");
    await using client = await RunnerClient.open(runner);
    expect(await client.cancel("a test asked for it")).toBe(true);
  }

  async runnerPid(): Promise<number> {
    return (await readRunnerRecord(this.runDir))?.pid ?? Number.NaN;
  }

  /** Ends the runner in the hardest way and waits until it is gone. */
  async killRunner(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const pid = await this.runnerPid();
    expect(signalProcess(pid, signal)).toBe(true);
    await eventually(() => startTicks(pid) === undefined);
  }

  async state(): Promise<RunState> {
    return await runState(this.runDir);
  }

  /** Nothing of the run is alive, and nothing of its runner lies about. */
  async expectNothingLeft(): Promise<void> {
    expect(this.#cookies.size, "the run had no process that could have been left").toBeGreaterThan(0);
    expect(await this.processes()).toEqual([]);
    // The agent is ended; who keeps its record still has something to end.
    expect(existsSync(join(this.runDir, "agents.json")), "agents.json is left").toBe(false);
    // The runner itself clears up and goes right after its end is stored.
    for (const path of [this.#runtimeFolder(), runPaths(this.runDir).runner])
      await expect.poll(() => existsSync(path), { timeout: 10_000, message: `${path} is left` }).toBe(false);
  }

  #runtimeFolder(): string {
    // Of the real path; what lay on a file system that is unmounted by now had no symbolic link in its path.
    const path = existsSync(this.runDir) ? realpathSync(this.runDir) : this.runDir;
    return runtimePath(path);
  }

  /** The run's results as bytes. */
  async results(): Promise<string> {
    return await readFile(runPaths(this.runDir).results, "utf8");
  }

  async #lastWords(): Promise<string> {
    const { failure } = await outcomeOf(this.runDir, await this.state());
    const log = await readFile(runPaths(this.runDir).runnerLog, "utf8").catch(() => "");
    return `${JSON.stringify(failure)} ${log.slice(-1_000)}`;
  }

  /** Whatever happened to the test, nothing of the run goes on. */
  async destroy(): Promise<void> {
    const pid = await this.runnerPid();
    if (Number.isFinite(pid)) signalProcess(pid, "SIGKILL");
    await this.#learnCookies();
    for (const process of await this.processes()) signalProcess(process, "SIGKILL");
    await rm(this.#runtimeFolder(), { recursive: true, force: true });
  }
}

const Agents = z.array(z.looseObject({ cookie: z.string() }));

function isOf<Type extends RunEvent["type"]>(event: RunEvent, type: Type): event is EventOf<Type> {
  return event.type === type;
}

/** Waits until something holds; fails when it does not for too long. */
export async function eventually(holds: () => Promise<boolean> | boolean, withinMs = PATIENCE_MS): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`did not come about within ${withinMs} ms: ${String(holds)}`);
    await sleep(50);
  }
}
