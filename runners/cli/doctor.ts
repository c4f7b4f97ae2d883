import { runsFolder } from "../../sdk/client/submit.js";
import { checks } from "./doctor-checks.js";
import { ExitCode } from "./exit-code.js";

export interface DoctorOptions {
  readonly runs: string | undefined;
  readonly json: boolean;
}

/** Looks at everything that a run needs, and says what to do where something is missing. */
export async function runDoctor({ runs, json }: DoctorOptions): Promise<number> {
  let sound = true;
  for (const check of checks) {
    const started = performance.now();
    const finding = await check.look({ runs: runsFolder(runs), sound });
    const seconds = (performance.now() - started) / 1000;
    sound &&= finding.state !== "failed";
    if (json) process.stdout.write(`${JSON.stringify({ check: check.name, ...finding, seconds })}\n`);
    else
      process.stdout.write(
        `${MARK[finding.state]} ${check.name.padEnd(12)} ${finding.text}${finding.advice === undefined ? "" : `\n${" ".repeat(19)}${finding.advice}`}\n`,
      );
  }
  if (!json)
    process.stdout.write(sound ? "Everything is ready.\n" : "Something must be changed before a run can work.\n");
  return sound ? ExitCode.done : ExitCode.badInput;
}

const MARK = { ok: "ok    ", absent: "absent", failed: "FAILED" };
