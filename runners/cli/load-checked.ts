import { type LoadedSpec, loadSpec } from "../../sdk/client/load-spec.js";
import { SpecError } from "../../sdk/experiment/spec-error.js";
import { findMismatches } from "../../sdk/plan/findings.js";

/** What does not fit in a spec file. */
export class SpecFileError extends Error {
  override readonly name = "SpecFileError";
  readonly file: string;
  override readonly cause: SpecError;

  constructor(file: string, cause: SpecError) {
    super(`${file} does not fit`, { cause });
    this.file = file;
    this.cause = cause;
  }
}

/**
 * Reads a spec whose fields fit their schemas and one another, and does with it what needs the file.
 *
 * @throws SpecFileError with every finding.
 */
export async function withSpec<Result>(file: string, use: (spec: LoadedSpec) => Promise<Result>): Promise<Result> {
  try {
    const spec = await loadSpec(file);
    const mismatches = findMismatches(spec.experiment);
    if (mismatches.length > 0) throw new SpecError(mismatches);
    return await use(spec);
  } catch (error) {
    throw error instanceof SpecError ? new SpecFileError(file, error) : error;
  }
}
