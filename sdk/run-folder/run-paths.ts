import { dirname, join } from "node:path";

/** Where everything of one run lies. */
export interface RunPaths {
  readonly spec: string;
  readonly manifest: string;
  readonly events: string;
  readonly leases: string;
  readonly exit: string;
  /** Room on the disk for the end of a running run. */
  readonly reserve: string;
  readonly runner: string;
  readonly runnerLog: string;
  readonly code: string;
  readonly stages: string;
  readonly results: string;
  readonly report: string;
  /** Blobs and cache are shared by all runs of a folder. */
  readonly blobs: string;
  readonly cache: string;
}

/** The one place that knows the names inside a run's folder. */
export function runPaths(runDir: string): RunPaths {
  const runs = dirname(runDir);
  return {
    spec: join(runDir, "spec.json"),
    manifest: join(runDir, "manifest.json"),
    events: join(runDir, "events"),
    leases: join(runDir, "leases"),
    exit: join(runDir, "exit.json"),
    reserve: join(runDir, "reserve"),
    runner: join(runDir, "runner.json"),
    runnerLog: join(runDir, "runner.log"),
    code: join(runDir, "code"),
    stages: join(runDir, "stages"),
    results: join(runDir, "results.json"),
    report: join(runDir, "report.html"),
    blobs: join(runs, ".blobs"),
    cache: join(runs, ".cache"),
  };
}

/** What an agent of a run prints: most runs have one, and its log bears no number. */
export function agentLogPath(runDir: string, agentId: string): string {
  return join(runDir, agentId === "agent-0" ? "agent.log" : `${agentId}.log`);
}
