import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { open, rm, stat, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { environmentPython } from "#environments";
import { WireClient } from "../../sdk/client/grpc.js";
import { AGENT_START_DEADLINE_MS, DEFAULT_GRACE_MS } from "../../sdk/client/limits.js";
import { pythonWorkerFolder } from "../../sdk/client/package-root.js";
import { RunError } from "../../sdk/failure/failure.js";
import { startTicks } from "../../sdk/run-folder/process-identity.js";
import { agentLogPath } from "../../sdk/run-folder/run-paths.js";
import type { RunnerService } from "../service/runner-service.js";
import type { RuntimeFolder } from "../service/runtime-folder.js";
import { Agent, nodeLost } from "../workers/agent.js";
import { shutdown } from "../workers/messages.js";
import { Worker } from "../workers/worker.js";
import { forgetAgent, recordAgent } from "./agents-record.js";
import { environmentVersions } from "./environments.js";
import { COOKIE_VARIABLE, endProcessesOfRun, signalProcess } from "./processes.js";

/** The environment whose interpreter runs the agent. */
const AGENT_ENVIRONMENT = "train";

/** How a worker agent is started on this machine. */
export interface LocalLaunch {
  /** Name of the agent, unique in the run. */
  readonly agentId: string;
  readonly runDir: string;
  readonly runtime: RuntimeFolder;
  readonly service: RunnerService;
  /** Marks every process of the run. */
  readonly cookie: string;
  readonly epoch: number;
  readonly token: string;
  readonly runnerVersion: string;
  /** Time without a sign of the runner after which the agent ends itself. */
  readonly orphanGraceMs: number;
  /** Names of the environments that jobs may ask for. */
  readonly environments: readonly string[];
  readonly signal: AbortSignal;
}

/**
 * Starts a worker agent in its own process group and waits until it has reported for work.
 *
 * @throws RunError `environment_missing` before anything is started, `launch_failed` with the agent's last lines.
 */
export async function launchLocal(launch: LocalLaunch): Promise<Worker> {
  await Promise.all([AGENT_ENVIRONMENT, ...launch.environments].map((name) => environmentVersions(name)));
  const agent = await AgentProcess.start(launch);
  try {
    const { address } = await launch.service.registered(launch.agentId, agent.startDeadline());
    const connection = await Agent.connect({ ...launch, address, processGone: agent.gone }, agent.startDeadline());
    return new Worker(launch.agentId, connection, () => agent.end());
  } catch (error) {
    const failure = await agent.startFailure(error);
    await agent.end();
    throw failure;
  }
}

/** The process of an agent, from its start to the end of everything it has started. */
class AgentProcess {
  /** Aborted, with the failure, when the process has ended. */
  readonly gone: AbortSignal;
  readonly #launch: LocalLaunch;
  readonly #child: ChildProcess;
  readonly #files: AgentFiles;
  readonly #started = AbortSignal.timeout(AGENT_START_DEADLINE_MS);

  private constructor(launch: LocalLaunch, child: ChildProcess, files: AgentFiles) {
    this.#launch = launch;
    this.#child = child;
    this.#files = files;
    const gone = new AbortController();
    this.gone = gone.signal;
    child.once("exit", (code, signal) => {
      const facts = { pid: child.pid ?? 0, ...(signal === null ? { exit_code: code ?? 0 } : { signal }) };
      void files.lastLines().then((lines) => gone.abort(nodeLost(facts, lines)));
    });
    child.once("error", (error) => gone.abort(nodeLost({}, error.message)));
  }

  static async start(launch: LocalLaunch): Promise<AgentProcess> {
    const files = await AgentFiles.make(launch);
    const log = await open(files.log, "a");
    try {
      const child = spawn(environmentPython(AGENT_ENVIRONMENT), ["-P", "-m", "longform_worker.agent"], {
        cwd: launch.runDir,
        detached: true,
        stdio: ["ignore", log.fd, log.fd],
        env: { ...process.env, ...agentVariables(launch, files) },
      });
      const started = new AgentProcess(launch, child, files);
      if (child.pid !== undefined) await started.#record(child.pid);
      return started;
    } finally {
      await log.close();
    }
  }

  async #record(pid: number): Promise<void> {
    const { agentId, runDir, epoch, cookie } = this.#launch;
    const { address, tokenFile } = this.#files;
    await recordAgent(runDir, {
      agentId,
      address,
      pid,
      startTicks: startTicks(pid),
      epoch,
      tokenFile,
      cookie,
    });
  }

  /** Aborted when waiting for the agent's start has no point any more. */
  startDeadline(): AbortSignal {
    return AbortSignal.any([this.#launch.signal, this.gone, this.#started]);
  }

  /** Why the agent did not start. */
  async startFailure(error: unknown): Promise<unknown> {
    const { signal } = this.#launch;
    if (signal.aborted)
      return signal.reason instanceof RunError
        ? signal.reason
        : new RunError({ code: "user_cancel" }, { cause: error });
    const detail = await this.#files.lastLines();
    const facts = { pid: this.#child.pid ?? 0, file: this.#files.log };
    if (this.gone.aborted) {
      const ended =
        this.#child.signalCode === null ? { exit_code: this.#child.exitCode ?? 0 } : { signal: this.#child.signalCode };
      return new RunError({ code: "launch_failed", detail, facts: { ...facts, ...ended } }, { cause: error });
    }
    if (this.#started.aborted)
      return new RunError(
        {
          code: "launch_failed",
          detail,
          facts: { ...facts, found: `no report within ${AGENT_START_DEADLINE_MS / 1_000} s` },
        },
        { cause: error },
      );
    return error;
  }

  /** Ends the agent and everything it has started: by its own call, then politely, then finally. */
  async end(): Promise<void> {
    const { agentId, runDir, cookie, epoch, token } = this.#launch;
    if (this.#alive()) await this.#askToEnd(token, epoch);
    for (const [signal, graceMs] of [
      ["SIGTERM", DEFAULT_GRACE_MS],
      ["SIGKILL", DEFAULT_GRACE_MS],
    ] as const) {
      if (!this.#alive() || this.#child.pid === undefined) break;
      signalProcess(-this.#child.pid, signal);
      await this.#exitedWithin(graceMs);
    }
    await endProcessesOfRun(cookie, DEFAULT_GRACE_MS);
    await this.#files.remove();
    await forgetAgent(runDir, { agentId, epoch });
  }

  async #askToEnd(token: string, epoch: number): Promise<void> {
    try {
      await using client = await WireClient.open({ address: this.#files.address, token, epoch });
      await client.unary(
        shutdown,
        { graceMs: DEFAULT_GRACE_MS },
        { deadlineMs: 2 * DEFAULT_GRACE_MS, signal: this.gone },
      );
      await this.#exitedWithin(DEFAULT_GRACE_MS);
    } catch {
      // What does not answer is ended by signals.
    }
  }

  #alive(): boolean {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async #exitedWithin(ms: number): Promise<void> {
    if (!this.#alive()) return;
    const waiting = new AbortController();
    const { signal } = waiting;
    await Promise.race([once(this.#child, "exit", { signal }), sleep(ms, undefined, { signal })]);
    waiting.abort();
  }
}

/** Files of one agent: its log in the run folder; its socket and its token in the private one. */
class AgentFiles {
  readonly log: string;
  readonly socket: string;
  readonly tokenFile: string;
  readonly #logStart: number;

  private constructor(log: string, logStart: number, { agentId, runtime, epoch }: LocalLaunch) {
    this.log = log;
    this.#logStart = logStart;
    this.socket = runtime.file(`${agentId}.${epoch}.sock`);
    this.tokenFile = runtime.file(`${agentId}.${epoch}.token`);
  }

  static async make(launch: LocalLaunch): Promise<AgentFiles> {
    const log = agentLogPath(launch.runDir, launch.agentId);
    const size = await stat(log).then(
      ({ size: bytes }) => bytes,
      () => 0,
    );
    const files = new AgentFiles(log, size, launch);
    await files.remove();
    // In a file and never on a command line, which everybody can read.
    await writeFile(files.tokenFile, launch.token, { mode: 0o600 });
    return files;
  }

  get address(): string {
    return `unix:${this.socket}`;
  }

  /** The last lines that this agent has printed; none where they cannot be read. */
  async lastLines(): Promise<string> {
    return await this.#lastLines().catch(() => "");
  }

  async #lastLines(): Promise<string> {
    await using file = await open(this.log, "r");
    const { size } = await file.stat();
    const start = Math.max(this.#logStart, size - 4_096);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.max(0, size - start)), 0, size - start, start);
    return buffer.toString("utf8", 0, bytesRead).trimEnd().split("\n").slice(-20).join("\n");
  }

  async remove(): Promise<void> {
    await Promise.all([rm(this.socket, { force: true }), rm(this.tokenFile, { force: true })]);
  }
}

function agentVariables(launch: LocalLaunch, files: AgentFiles): Record<string, string> {
  return {
    PYTHONPATH: pythonWorkerFolder,
    PYTHONUNBUFFERED: "1",
    PYTHONDONTWRITEBYTECODE: "",
    LONGFORM_RUNNER_ADDRESS: launch.service.address,
    LONGFORM_TOKEN_FILE: files.tokenFile,
    LONGFORM_AGENT_ID: launch.agentId,
    LONGFORM_EPOCH: String(launch.epoch),
    [COOKIE_VARIABLE]: launch.cookie,
    LONGFORM_AGENT_LISTEN: files.address,
    LONGFORM_ORPHAN_GRACE_MS: String(launch.orphanGraceMs),
    LONGFORM_ENVIRONMENTS: JSON.stringify(
      Object.fromEntries([AGENT_ENVIRONMENT, ...launch.environments].map((name) => [name, environmentPython(name)])),
    ),
  };
}
