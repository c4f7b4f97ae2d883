"""Settings of a training that cannot be: refused before anything is loaded."""

from __future__ import annotations

from pathlib import Path

from longform_worker.data.images import check_policy
from longform_worker.failure import EngineFailure, spec_name
from longform_worker.jobs import TrainingJob


def check_settings(job: TrainingJob) -> None:
    """Raises EngineFailure (spec_refused) naming the field, what was found and what is expected."""
    check_policy(job.vision_policy, "training.vision_policy")
    counts = {
        "steps": job.steps,
        "examples_per_step": job.examples_per_step,
        "tokens_per_pass": job.tokens_per_pass,
        "head_chunk_tokens": job.head_chunk_tokens,
        "max_tokens": job.max_tokens,
        **({"gate.every_steps": job.gate.every_steps} if job.gate else {}),
    }
    for field, count in counts.items():
        if count < 1:
            raise _refused(field, "at least 1", count)
    shares = {
        "schedule.warmup_fraction": job.schedule.warmup_fraction,
        "schedule.final_fraction": job.schedule.final_fraction,
        **({"gate.at_least": job.gate.at_least} if job.gate else {}),
    }
    for field, share in shares.items():
        if not 0 <= share <= 1:
            raise _refused(field, "between 0 and 1", share)
    _check_optimizer(job)
    _check_tuning(job)
    _check_zero(job)
    for field in ("output_path", "checkpoint_path"):
        if Path(getattr(job, field)).is_file():
            raise _refused(field, "a folder or a new path", f"the file {getattr(job, field)}")


def _check_optimizer(job: TrainingJob) -> None:
    optimizer = job.optimizer
    for field in ("beta1", "beta2"):
        if not 0 <= getattr(optimizer, field) < 1:
            raise _refused(f"optimizer.{field}", "at least 0 and below 1", getattr(optimizer, field))
    for field in ("peak_learning_rate", "epsilon"):
        if getattr(optimizer, field) <= 0:
            raise _refused(f"optimizer.{field}", "above 0", getattr(optimizer, field))
    for field in ("weight_decay", "max_gradient_norm"):
        if getattr(optimizer, field) < 0:
            raise _refused(f"optimizer.{field}", "at least 0", getattr(optimizer, field))

    parts = [one.part for one in optimizer.part_learning_rates]
    if len(parts) != len(set(parts)):
        raise _refused("optimizer.part_learning_rates", "a rate for each part at most once", ", ".join(parts))
    for one in optimizer.part_learning_rates:
        if one.peak_learning_rate <= 0:
            raise _refused("optimizer.part_learning_rates", "rates above 0", one.peak_learning_rate)


def _check_tuning(job: TrainingJob) -> None:
    full, lora = job.tuning.full, job.tuning.lora
    if (full is None) == (lora is None):
        raise _refused("tuning", "either full or lora", "both" if full else "neither")
    if lora is None:
        return
    if lora.rank < 1:
        raise _refused("tuning.lora.rank", "at least 1", lora.rank)
    if lora.alpha <= 0:
        raise _refused("tuning.lora.alpha", "above 0", lora.alpha)
    if not 0 <= lora.dropout < 1:
        raise _refused("tuning.lora.dropout", "at least 0 and below 1", lora.dropout)
    if not lora.targets or len(lora.targets) != len(set(lora.targets)):
        raise _refused("tuning.lora.targets", "at least one part, each once", ", ".join(lora.targets) or "none")


def _check_zero(job: TrainingJob) -> None:
    zero = job.zero
    if zero.stage > 3:
        raise _refused("zero.stage", "0, 1, 2 or 3", zero.stage)
    if zero.offload_optimizer and zero.stage == 0:
        raise _refused("zero.offload_optimizer", "false at stage 0, which splits nothing", "true")
    if zero.offload_parameters and zero.stage != 3:
        raise _refused("zero.offload_parameters", "false below stage 3, which alone splits weights", "true")


def _refused(field: str, expected: str, found: object) -> EngineFailure:
    field_path = f"training.{field}"
    return EngineFailure(
        "spec_refused",
        f"{spec_name(field_path)} must be {expected}; found {found}.",
        field_path=field_path,
        expected=expected,
        found=found,
    )
