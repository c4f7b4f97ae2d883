"""The step: forward and backward over the passes, gradients clipped, weights updated."""

from __future__ import annotations

import math
import resource
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from longform_worker.engines.train.attention import hidden_states
from longform_worker.engines.train.collate import Collator, Pass, StepWeights
from longform_worker.engines.train.loss import weighted_cross_entropy
from longform_worker.engines.train.passes import compose
from longform_worker.engines.train.plan import PlannedRow
from longform_worker.failure import EngineFailure
from longform_worker.jobs import ModelPart, Optimizer, Precision, TrainingJob
from longform_worker.models.loaded import LoadedModel


@dataclass(frozen=True, slots=True)
class StepReport:
    """What a step did; seconds by phase, the gradient's norm before clipping."""

    loss: float
    gradient_norm: float
    target_tokens: int
    tokens: int
    data_seconds: float
    forward_seconds: float
    backward_seconds: float
    update_seconds: float
    peak_memory_bytes: int
    peak_device_memory_bytes: int
    passes: int
    ranks: int


class Trainer:
    """A model, its optimizer and the one step function.

    Weights are kept in float32; bfloat16 is the format of activations and matrix products (autocast), so
    that small updates are not lost.
    """

    def __init__(self, loaded: LoadedModel, job: TrainingJob) -> None:
        self.loaded = loaded
        self.job = job
        self.collator = Collator(loaded, Path(job.blob_root))
        freeze(loaded, job.tuning.full.frozen_parts if job.tuning.full else ())
        self.optimizer = make_optimizer(loaded, job.optimizer)
        if job.gradient_checkpointing:
            loaded.model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        loaded.model.train()

    def hidden_of_targets(self, batch: Pass) -> Tensor:
        """Hidden states [N, width] at the positions that predict a target."""
        with self.precision():
            hidden_SH = hidden_states(self.loaded, self.loaded.model, batch)
        hidden_NH = hidden_SH[batch.positions_N]
        return hidden_NH.to(torch.bfloat16) if self.job.precision is Precision.BFLOAT16 else hidden_NH

    def precision(self) -> AbstractContextManager[object]:
        """The number format of activations."""
        bfloat16 = self.job.precision is Precision.BFLOAT16
        return torch.autocast(self.loaded.device.type, dtype=torch.bfloat16, enabled=bfloat16)

    def step(self, step: int, rows: Sequence[PlannedRow], learning_rate: float) -> StepReport:
        """One optimizer step over ``rows``. Raises EngineFailure (loss_diverged) before a bad update."""
        # So that a resumed step draws the same numbers as an undisturbed one.
        torch.manual_seed(self.job.seed * 1_000_003 + step)  # pyright: ignore[reportUnknownMemberType]
        clock = _Clock()
        (groups,) = compose([row.tokens for row in rows], self.job.tokens_per_pass, ranks=1)
        weights = StepWeights.of_step(rows, self.job.loss_normalisation)
        passes = self.collator.passes([[rows[row] for row in group] for group in groups], weights)
        loss = data_seconds = forward_seconds = backward_seconds = 0.0
        self.optimizer.zero_grad(set_to_none=True)
        count = 0
        for batch in passes:
            count += 1
            data_seconds += clock.lap()
            pass_loss = weighted_cross_entropy(
                self.hidden_of_targets(batch),
                self.loaded.model.lm_head.weight,
                batch.targets_N,
                batch.weights_N,
                self.job.head_chunk_tokens,
            )
            loss += pass_loss.item()
            forward_seconds += clock.lap()
            pass_loss.backward()  # pyright: ignore[reportUnknownMemberType]
            backward_seconds += clock.lap()
            del batch  # its pixels leave the device before the next ones come
        gradient_norm = self._clip()
        if not math.isfinite(loss) or not math.isfinite(gradient_norm):
            raise _diverged(step, rows, loss, gradient_norm)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.optimizer.step()  # pyright: ignore[reportUnknownMemberType]
        return StepReport(
            loss=loss,
            gradient_norm=gradient_norm,
            target_tokens=sum(row.target_tokens for row in rows),
            tokens=sum(row.tokens for row in rows),
            data_seconds=data_seconds,
            forward_seconds=forward_seconds,
            backward_seconds=backward_seconds,
            update_seconds=clock.lap(),
            peak_memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            peak_device_memory_bytes=0,
            passes=count,
            ranks=1,
        )

    def _clip(self) -> float:
        """Scale the gradient down to the largest allowed norm (0 allows any); returns the norm before."""
        limit = self.job.optimizer.max_gradient_norm or math.inf
        parameters = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
        return torch.nn.utils.clip_grad_norm_(parameters, limit).item()


def freeze(loaded: LoadedModel, frozen_parts: Sequence[ModelPart]) -> None:
    """Leave the named parts as they are. Raises EngineFailure (spec_refused) when nothing is left to train."""
    trainable = 0
    for name, parameter in loaded.model.named_parameters():
        parameter.requires_grad_(loaded.adapter.part_of(name) not in frozen_parts)
        trainable += parameter.requires_grad
    if not trainable:
        raise EngineFailure(
            "spec_refused",
            "frozenParts names every part of the model; nothing is left to train.",
            field_path="training.tuning.full.frozen_parts",
            expected="at least one part left out",
            found=", ".join(frozen_parts),
        )


def make_optimizer(loaded: LoadedModel, settings: Optimizer) -> torch.optim.AdamW:
    """AdamW over the trainable weights; matrices decay, norms and biases (one dimension) do not."""
    trainable: list[Tensor] = [weight for weight in loaded.model.parameters() if weight.requires_grad]
    groups = [
        {"params": [weight for weight in trainable if weight.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [weight for weight in trainable if weight.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        groups,
        lr=settings.peak_learning_rate,
        betas=(settings.beta1, settings.beta2),
        eps=settings.epsilon,
        fused=True,
    )


class _Clock:
    def __init__(self) -> None:
        self._last = time.perf_counter()

    def lap(self) -> float:
        """Seconds since the last lap."""
        now = time.perf_counter()
        seconds, self._last = now - self._last, now
        return seconds


def _diverged(step: int, rows: Sequence[PlannedRow], loss: float, gradient_norm: float) -> EngineFailure:
    return EngineFailure(
        "loss_diverged",
        f"Step {step}: loss {loss}, gradient norm {gradient_norm}. Lower the learning rate or look at the rows.",
        step=step,
        loss=loss,
        gradient_norm=gradient_norm,
        rows=", ".join(row.id for row in rows),
    )
