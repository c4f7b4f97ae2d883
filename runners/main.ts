#!/usr/bin/env node
import { parseArgs } from "node:util";
import { SpecError } from "../sdk/experiment/spec-error.js";
import { failureOf, RunError } from "../sdk/failure/failure.js";
import { failureMessage } from "../sdk/failure/failure-message.js";
import { serveRun } from "./serve-run.js";

const USAGE = `longform-runner: runs one experiment and keeps its record

  longform-runner --run-dir DIR                     a run folder that \`longform run\` or a scheduler has prepared
  longform-runner --run-dir DIR --spec spec.json    a fresh folder: the spec is checked, frozen and run

  --listen 127.0.0.1:PORT   also answer clients on this address (default: a private socket)
  --help                    this text

Exit codes: 0 finished, 1 failed, 2 bad input, 130 cancelled.`;

/** Exit codes of bad input: whoever started the runner has to change something before it can work. */
const BAD_INPUT = new Set<string>([
  "spec_refused",
  "data_refused",
  "model_refused",
  "environment_missing",
  "address_in_use",
  "run_busy",
]);

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
  const state = await serveRun({ runDir, spec: values.spec, listen: values.listen });
  return { finished: 0, failed: 1, cancelled: 130 }[state];
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
    process.exitCode = BAD_INPUT.has(failure.code) ? 2 : 1;
  }
}
