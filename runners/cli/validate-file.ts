import { freeze } from "../../sdk/client/freeze.js";
import { loadSpec } from "../../sdk/client/load-spec.js";
import { SpecError } from "../../sdk/experiment/spec-error.js";
import { findMismatches } from "../../sdk/plan/findings.js";
import { ExitCode } from "./exit-code.js";

export interface ValidateOptions {
  readonly file: string;
  readonly json: boolean;
}

/**
 * Checks a spec as `run` would before it makes anything.
 *
 * @throws SpecError with every finding.
 */
export async function validateFile({ file, json }: ValidateOptions): Promise<number> {
  const { experiment, base } = await loadSpec(file);
  const mismatches = findMismatches(experiment);
  if (mismatches.length > 0) throw new SpecError(mismatches);
  await freeze(experiment, base);
  const stages = experiment.stages.map(({ name, kind }) => ({ name, kind }));
  if (json) process.stdout.write(`${JSON.stringify({ ok: true, experiment: experiment.name, stages })}\n`);
  else
    process.stdout.write(
      `${file}: the experiment "${experiment.name}" is valid: ${stages.map(({ name, kind }) => `${name} (${kind})`).join(", ")}\n`,
    );
  return ExitCode.done;
}
