import type { Precision } from "../spec/model.js";
import type { Zero } from "../spec/zero.js";

/** A configuration of DeepSpeed, in DeepSpeed's own words. */
export interface ZeroConfig {
  readonly train_micro_batch_size_per_gpu: 1;
  readonly gradient_accumulation_steps: 1;
  readonly gradient_clipping: number;
  readonly zero_optimization: {
    readonly stage: 1 | 2 | 3;
    readonly overlap_comm: false;
    readonly stage3_param_persistence_threshold?: 0;
    readonly offload_optimizer?: { readonly device: "cpu" };
    readonly offload_param?: { readonly device: "cpu" };
  };
  readonly bf16: { readonly enabled: boolean };
  readonly zero_allow_untested_optimizer: true;
  readonly zero_force_ds_cpu_optimizer: false;
}

/** What the configuration follows from. */
export interface ZeroSettings {
  readonly zero: Zero;
  readonly precision: Precision;
  /** Largest norm of the gradient; 0 leaves it as it is. */
  readonly maxGradientNorm: number;
}

/**
 * The configuration that the worker gives DeepSpeed; null at stage 0, where plain PyTorch trains.
 *
 * The worker derives it again from its job (zero_config.py): test/golden/zero-configs.json holds both to the same
 * answer. Passes are accumulated by the worker, so DeepSpeed sees one pass of one example.
 */
export function zeroConfig({ zero, precision, maxGradientNorm }: ZeroSettings): ZeroConfig | null {
  if (zero.stage === 0) return null;
  return {
    train_micro_batch_size_per_gpu: 1,
    gradient_accumulation_steps: 1,
    gradient_clipping: maxGradientNorm,
    zero_optimization: {
      stage: zero.stage,
      // Overlapped reduction has ended in NaN at stage 2 (DeepSpeed #5347).
      overlap_comm: false,
      // Small weights are split as well, so that a tiny model takes the path of a large one.
      ...(zero.stage === 3 ? { stage3_param_persistence_threshold: 0 } : {}),
      ...(zero.offloadOptimizer ? { offload_optimizer: { device: "cpu" } } : {}),
      ...(zero.offloadParameters ? { offload_param: { device: "cpu" } } : {}),
    },
    bf16: { enabled: precision === "bfloat16" },
    zero_allow_untested_optimizer: true,
    zero_force_ds_cpu_optimizer: false,
  };
}
