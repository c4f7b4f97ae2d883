import { basename } from "node:path";
import { start } from "../../sdk/client/start.js";
import { submit } from "../../sdk/client/submit.js";
import { ExitCode } from "./exit-code.js";
import { followRun, wayBack } from "./follow-run.js";
import { lastEventSeq } from "./last-event.js";
import { withSpec } from "./load-checked.js";
import { UsageError } from "./usage-error.js";

export interface RunFileOptions {
  readonly file: string;
  readonly runs: string | undefined;
  readonly detach: boolean;
  readonly listen: string | undefined;
  readonly verbose: boolean;
  readonly json: boolean;
  readonly debug: boolean;
}

/** Submits an experiment, starts its runner unless one has it already, and shows it. Returns the exit code. */
export async function runFile(options: RunFileOptions): Promise<number> {
  const { file, runs, detach, listen, json } = options;
  const { runDir, standing } = await withSpec(
    file,
    async ({ experiment, base }) => await submit(experiment, { base, runs }),
  );
  const id = basename(runDir);
  if (standing === "running" && listen !== undefined)
    throw new UsageError(`${id} runs already, so --listen comes too late. Leave it out to watch the run.`);
  const startUnlessRunning = async () => {
    if (standing !== "running") await start(runDir, { listen });
  };
  if (detach) {
    await startUnlessRunning();
    if (json) process.stdout.write(`${JSON.stringify({ run: id, folder: runDir, standing })}\n`);
    else process.stdout.write(`${id} runs. To watch or to cancel it:\n${wayBack(runDir, runs)}\n`);
    return ExitCode.done;
  }
  if (!json) process.stdout.write(`${HEADLINE[standing](id)}\n`);
  const afterSeq = standing === "unfinished" ? lastEventSeq(runDir) : 0;
  return await followRun(runDir, { ...options, afterSeq }, startUnlessRunning);
}

const HEADLINE = {
  new: (id: string) => `run ${id}`,
  unfinished: (id: string) => `run ${id}, which had not finished, is taken up again`,
  running: (id: string) => `run ${id} runs already`,
};
