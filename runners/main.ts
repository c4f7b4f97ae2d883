#!/usr/bin/env node
import { parseArgs } from "node:util";
import { SpecError } from "../sdk/experiment/spec-error.js";
import { failureOf, RunError } from "../sdk/failure/failure.js";
import { failureMessage } from "../sdk/failure/failure-message.js";
import { ExitCode, exitCodeOf } from "./cli/exit-code.js";
import { serveRun } from "./serve-run.js";

const USAGE = `longform-runner: runs one experiment and keeps its record

  longform-runner --run-dir DIR                     a run folder that \`longform run\` or a scheduler has prepared
  longform-runner --run-dir DIR --spec spec.json    a fresh folder: the spec is checked, frozen and run

  --listen 127.0.0.1:PORT   also answer clients on this address (default: a private socket)
  --help                    this text

SIGTERM or SIGINT lets a training save a checkpoint, ends the engines and leaves the run preempted: the same command
goes on with it. A second one ends the runner at once.

Exit codes: 0 finished, 1 failed, 2 bad input, 75 preempted, 130 cancelled.`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      "run-dir": { type: "string" },
      spec: { type: "string" },
      listen: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help === true) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const runDir = values["run-dir"];
  if (runDir === undefined)
    throw new RunError({
      code: "spec_refused",
      fieldPath: "--run-dir",
      facts: { found: "nothing", expected: "the folder of the run" },
    });
  const state = await serveRun({ runDir, spec: values.spec, listen: values.listen, stop: stopOnSignal() });
  return {
    finished: ExitCode.done,
    failed: ExitCode.failed,
    cancelled: ExitCode.cancelled,
    preempted: ExitCode.preempted,
  }[state];
}

/** Aborted by the first SIGTERM or SIGINT: what a scheduler or a terminal sends. A second one ends this process at once. */
function stopOnSignal(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.once(signal, () => stop.abort(new RunError({ code: "preempted", facts: { signal, pid: process.pid } })));
  return stop.signal;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (error instanceof SpecError) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 2;
  } else {
    const failure = failureOf(error);
    process.stderr.write(`${failureMessage(failure)}\n`);
    process.exitCode = exitCodeOf(failure.code);
  }
}
