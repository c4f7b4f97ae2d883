import { freeze } from "../../sdk/client/freeze.js";
import { ExitCode } from "./exit-code.js";
import { withSpec } from "./load-checked.js";

export interface ValidateOptions {
  readonly file: string;
  readonly json: boolean;
}

/**
 * Checks a spec as `run` would before it makes anything.
 *
 * @throws SpecFileError with every finding.
 */
export async function validateFile({ file, json }: ValidateOptions): Promise<number> {
  const { experiment } = await withSpec(file, async (spec) => await freeze(spec.experiment, spec.base));
  const stages = experiment.stages.map(({ name, kind }) => ({ name, kind }));
  if (json) process.stdout.write(`${JSON.stringify({ ok: true, experiment: experiment.name, stages })}\n`);
  else
    process.stdout.write(
      `${file}: the experiment "${experiment.name}" is valid: ${stages.map(({ name, kind }) => `${name} (${kind})`).join(", ")}\n`,
    );
  return ExitCode.done;
}
