import { findingLine, SpecError } from "../../sdk/experiment/spec-error.js";
import { failureOf } from "../../sdk/failure/failure.js";
import { failureMessage } from "../../sdk/failure/failure-message.js";
import { ExitCode, exitCodeOf } from "./exit-code.js";
import { commandText } from "./invocation.js";
import { SpecFileError } from "./load-checked.js";

/** An error as people and as programs read it. */
interface Problem {
  readonly message: string;
  readonly json: object;
  readonly code: ExitCode;
}

/** Tells an error that ended a command and gives its exit code. */
export function reportProblem(error: unknown, how: { readonly json: boolean; readonly debug: boolean }): ExitCode {
  const { message, json, code } = problemOf(error);
  const stack = how.debug && error instanceof Error ? `\n${stackOf(error)}` : "";
  if (how.json) process.stdout.write(`${JSON.stringify({ error: json, message })}\n`);
  else process.stderr.write(`${message}${stack}\n`);
  return code;
}

function problemOf(error: unknown): Problem {
  if (isUsageError(error)) return { message: error.message, json: { code: "usage" }, code: ExitCode.badInput };
  if (error instanceof SpecFileError) return specProblem(error.cause, error.file);
  if (error instanceof SpecError) return specProblem(error, "the spec");
  if (isUnreachable(error))
    return {
      message: `The runner cannot be reached (${error.detail}). ${commandText(["ps"])} shows where the run stands.`,
      json: { code: "unreachable" },
      code: ExitCode.lost,
    };
  const failure = failureOf(error);
  const { run } = failure.facts;
  const command = run === undefined ? undefined : (verb: string) => commandText([verb, run]);
  return { message: failureMessage(failure, { command }), json: failure, code: exitCodeOf(failure.code) };
}

function specProblem({ findings }: SpecError, file: string): Problem {
  const lines = findings.map((finding) => findingLine(finding));
  // What is wrong with the whole file has it for a path already.
  const whole = findings.every(({ path }) => path === file);
  return {
    message: whole ? lines.join("\n") : [`${file} does not fit:`, ...lines.map((line) => `  ${line}`)].join("\n"),
    json: { code: "spec_refused", file, findings },
    code: ExitCode.badInput,
  };
}

/** By its name: the bundled command line has a class of its own. */
function isUsageError(error: unknown): error is Error {
  return error instanceof Error && error.name === "UsageError";
}

/** By its name: to import the class would load gRPC for every error. */
function isUnreachable(error: unknown): error is Error & { readonly detail: string } {
  return error instanceof Error && error.name === "RpcError" && "detail" in error;
}

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${stackOf(error.cause)}` : "";
  return `${error.stack ?? error.message}${cause}`;
}
