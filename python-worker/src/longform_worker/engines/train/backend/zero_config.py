"""DeepSpeed's configuration, derived from a job. sdk/plan/zero-config.ts derives the same one for the plan."""

from __future__ import annotations

from typing import Any

from longform_worker.jobs import Precision, Zero


def zero_config(zero: Zero, precision: Precision, max_gradient_norm: float) -> dict[str, Any] | None:
    """The configuration in DeepSpeed's own words; None at stage 0, where plain PyTorch trains.

    Passes are accumulated by the training itself, so DeepSpeed sees one pass of one example.
    """
    if zero.stage == 0:
        return None
    return {
        "train_micro_batch_size_per_gpu": 1,
        "gradient_accumulation_steps": 1,
        "gradient_clipping": max_gradient_norm,
        "zero_optimization": {
            "stage": zero.stage,
            # Overlapped reduction has ended in NaN at stage 2 (DeepSpeed #5347).
            "overlap_comm": False,
            # Small weights are split as well, so that a tiny model takes the path of a large one.
            **({"stage3_param_persistence_threshold": 0} if zero.stage == 3 else {}),
            **({"offload_optimizer": {"device": "cpu"}} if zero.offload_optimizer else {}),
            **({"offload_param": {"device": "cpu"}} if zero.offload_parameters else {}),
        },
        "bf16": {"enabled": precision is Precision.BFLOAT16},
        "zero_allow_untested_optimizer": True,
        "zero_force_ds_cpu_optimizer": False,
    }
