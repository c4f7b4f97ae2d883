import type { FailureCode } from "../../sdk/failure/failure.js";

/** Exit codes of the command, as its help explains them. */
export const ExitCode = { done: 0, failed: 1, badInput: 2, lost: 3, preempted: 75, cancelled: 130 } as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** What a failure means for whoever started the command: whether something must be changed before it can work. */
export function exitCodeOf(code: FailureCode): ExitCode {
  switch (code) {
    case "user_cancel":
      return ExitCode.cancelled;
    case "preempted":
      return ExitCode.preempted;
    case "spec_refused":
    case "data_refused":
    case "model_refused":
    case "environment_missing":
    case "address_in_use":
    case "run_busy":
      return ExitCode.badInput;
    case "disk_full":
    case "launch_failed":
    case "loss_diverged":
    case "gate_missed":
    case "oom_killed":
    case "device_oom":
    case "signal":
    case "exit_code":
    case "node_lost":
    case "stalled":
    case "judge_unreachable":
    case "user_code":
    case "store_corrupt":
    case "internal":
      return ExitCode.failed;
  }
}
