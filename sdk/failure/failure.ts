import { z } from "zod";

/** The closed list of reasons, equal to `FailureCode` in `proto/longform/v1/failure.proto`. */
export const FailureCode = z.enum([
  "user_cancel",
  "spec_refused",
  "data_refused",
  "model_refused",
  "environment_missing",
  "disk_full",
  "address_in_use",
  "launch_failed",
  "loss_diverged",
  "gate_missed",
  "oom_killed",
  "device_oom",
  "signal",
  "exit_code",
  "node_lost",
  "stalled",
  "judge_unreachable",
  "user_code",
  "run_busy",
  "store_corrupt",
  "internal",
  "preempted",
]);
export type FailureCode = z.output<typeof FailureCode>;

/** A failure as facts: what a store keeps and a wire carries. */
export const Failure = z
  .strictObject({
    code: FailureCode,
    detail: z.string().optional(),
    fieldPath: z.string().optional(),
    facts: z.record(z.string(), z.string()).default({}),
  })
  .readonly();
export type Failure = z.output<typeof Failure>;

/** What a {@link RunError} is made from. */
export interface FailureFacts {
  readonly code: FailureCode;
  readonly detail?: string | undefined;
  readonly fieldPath?: string | undefined;
  readonly facts?: Readonly<Record<string, string | number>> | undefined;
}

/** An error with a code and facts; `failureMessage` writes the sentence. */
export class RunError extends Error {
  override readonly name = "RunError";
  readonly failure: Failure;

  constructor(failure: FailureFacts, options?: ErrorOptions) {
    super(failure.detail === undefined ? failure.code : `${failure.code}: ${failure.detail}`, options);
    const facts = Object.fromEntries(Object.entries(failure.facts ?? {}).map(([name, value]) => [name, String(value)]));
    this.failure = {
      code: failure.code,
      ...(failure.detail === undefined ? {} : { detail: failure.detail }),
      ...(failure.fieldPath === undefined ? {} : { fieldPath: failure.fieldPath }),
      facts,
    };
  }
}

/** The failure inside anything that was thrown; what is not ours is `internal`. */
export function failureOf(error: unknown): Failure {
  if (error instanceof RunError) return error.failure;
  if (error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT"))
    return { code: "disk_full", detail: error.message, facts: {} };
  return {
    code: "internal",
    detail: error instanceof Error ? (error.stack ?? error.message) : String(error),
    facts: {},
  };
}
