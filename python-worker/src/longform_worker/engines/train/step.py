"""The step: forward and backward over the passes of all ranks, gradients clipped, weights updated."""

from __future__ import annotations

import math
import resource
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from longform_worker.engines.train.backend.plain import PlainBackend
from longform_worker.engines.train.backend.ranks import Ranks
from longform_worker.engines.train.backend.split import fill
from longform_worker.engines.train.backend.state import Backend
from longform_worker.engines.train.backend.zero import ZeroBackend
from longform_worker.engines.train.base import Base
from longform_worker.engines.train.collate import Collator, Filler, StepWeights
from longform_worker.engines.train.module import TrainingModule
from longform_worker.engines.train.passes import compose
from longform_worker.engines.train.plan import PlannedRow
from longform_worker.engines.train.recompute import recompute_activations
from longform_worker.engines.train.saved import Checkpoint
from longform_worker.engines.train.tuning import choose_weights, trained_weights, weight_groups
from longform_worker.failure import EngineFailure
from longform_worker.jobs import Precision, TrainingJob
from longform_worker.models.loaded import LoadedModel
from longform_worker.models.tensors import StoredTensor


@dataclass(frozen=True, slots=True)
class StepReport:
    """What a step did on all ranks; seconds by phase and memory are those of the rank with most.

    The gradient's norm is that before clipping.
    """

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
    """A model, what moves its weights, and the one step function.

    With ``checkpoint`` it goes on from there. The filler makes every pass run the same modules: ranks wait for each
    other in them, and a weight that only some steps came by would move differently at each ZeRO stage. ``weights``
    are those that move, by name; ``keys`` what they are called in files.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        job: TrainingJob,
        ranks: Ranks,
        filler: Filler,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        self.loaded = loaded
        self.job = job
        self.ranks = ranks
        self.collator = Collator(loaded, Path(job.blob_root), filler)
        self.base = Base.of(loaded, job.precision)
        self.adapters = choose_weights(loaded, job)
        if self.adapters:
            ranks.say(self.adapters.told())
        self.weights = trained_weights(loaded)
        self.keys = {name: name if self.adapters else self.base.keys[name] for name in self.weights}
        self.checkpointing = recompute_activations(loaded, job) if job.gradient_checkpointing else ""
        if self.checkpointing:
            ranks.say(f"Gradient checkpointing: {self.checkpointing}.")
        if checkpoint is not None:
            files = checkpoint.weights()
            for name, weight in self.weights.items():
                fill(weight, lambda key=self.keys[name]: files.read(key), ranks)
        self.groups = weight_groups(loaded, job.optimizer)
        # DeepSpeed keeps weights in bfloat16 with a copy in float32; plain PyTorch casts as it computes.
        autocast = job.precision is Precision.BFLOAT16 and job.zero.stage == 0
        self.module = TrainingModule(loaded, job.head_chunk_tokens, autocast=autocast).train()
        self.backend: Backend = (
            ZeroBackend(self.module, self.groups, job, ranks)
            if job.zero.stage
            else PlainBackend(self.module, self.groups, job.optimizer, ranks)
        )
        if checkpoint is not None:
            self.backend.restore(checkpoint.counters.step, checkpoint.states(self.weights, self.keys))
        elif isinstance(self.backend, ZeroBackend) and not self.adapters:
            self.backend.set_weights(self._exact_weights())
        self._heads_named: set[bool] = set()

    def step(self, step: int, rows: Sequence[PlannedRow], learning_rate: float) -> StepReport:
        """One optimizer step over ``rows``, dealt out over the ranks. ``learning_rate`` is that of the optimizer's
        peak; parts with a peak of their own move in proportion. Raises EngineFailure (loss_diverged) before a bad
        update."""
        job, ranks = self.job, self.ranks
        self._seed(step)
        clock = _Clock()
        groups = compose([row.tokens for row in rows], job.tokens_per_pass, ranks.world_size)[ranks.rank]
        weights = StepWeights.of_step(rows, job.loss_normalisation)
        loss = data_seconds = forward_seconds = backward_seconds = 0.0
        count = 0
        for batch in self.collator.passes([[rows[row] for row in group] for group in groups], weights):
            count += 1
            data_seconds += clock.lap()
            self._name_head(len(batch.targets_N))
            pass_loss = self.backend.forward(batch)
            loss += pass_loss.item()
            forward_seconds += clock.lap()
            self.backend.backward(pass_loss, last=count == len(groups))
            backward_seconds += clock.lap()
            del batch, pass_loss  # its pixels leave the device before the next ones come
        (loss,) = ranks.sums([loss])
        if not math.isfinite(loss):
            raise _diverged(step, rows, loss, math.nan)
        gradient_norm = self.backend.update(self.rates(learning_rate))
        if not math.isfinite(gradient_norm):
            raise _diverged(step, rows, loss, gradient_norm)
        seconds = (data_seconds, forward_seconds, backward_seconds, clock.lap())
        data, forward, backward, update, memory, device_memory = ranks.largest([*seconds, *_peaks()])
        return StepReport(
            loss=loss,
            gradient_norm=gradient_norm,
            target_tokens=sum(row.target_tokens for row in rows),
            tokens=sum(row.tokens for row in rows),
            data_seconds=data,
            forward_seconds=forward,
            backward_seconds=backward,
            update_seconds=update,
            peak_memory_bytes=int(memory),
            peak_device_memory_bytes=int(device_memory),
            passes=count,
            ranks=ranks.world_size,
        )

    def rates(self, learning_rate: float) -> list[float]:
        """The learning rate of each group of weights when that of the optimizer's peak is ``learning_rate``."""
        peak = self.job.optimizer.peak_learning_rate
        return [
            learning_rate if group.peak_learning_rate == peak else learning_rate / peak * group.peak_learning_rate
            for group in self.groups
        ]

    def _exact_weights(self) -> Iterator[tuple[Tensor, StoredTensor]]:
        """Weights that were opened in fewer bits than their files have, with what these hold."""
        for name, weight in self.weights.items():
            if self.job.precision is Precision.BFLOAT16 and self.base.tensors.is_float32(self.keys[name]):
                yield weight, StoredTensor(self.base.tensors, self.keys[name])

    def _seed(self, step: int) -> None:
        """So that a resumed step draws the same numbers as an undisturbed one, and no two ranks the same."""
        seed = (self.job.seed * 1_000_003 + step) * self.ranks.world_size + self.ranks.rank
        torch.manual_seed(seed)  # pyright: ignore[reportUnknownMemberType]

    def _name_head(self, positions: int) -> None:
        in_chunks = self.module.head.in_chunks(positions)
        if in_chunks in self._heads_named:
            return
        self._heads_named.add(in_chunks)
        how = f"in chunks of {self.job.head_chunk_tokens}" if in_chunks else "at one time"
        self.ranks.say(f"Loss head: logits of {positions} target positions {how}.")


class _Clock:
    def __init__(self) -> None:
        self._last = time.perf_counter()

    def lap(self) -> float:
        """Seconds since the last lap."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        now = time.perf_counter()
        seconds, self._last = now - self._last, now
        return seconds


def _peaks() -> tuple[int, int]:
    """Largest resident memory of this process and memory of its accelerator so far, in bytes."""
    device = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, device


def _diverged(step: int, rows: Sequence[PlannedRow], loss: float, gradient_norm: float) -> EngineFailure:
    return EngineFailure(
        "loss_diverged",
        f"Step {step}: loss {loss}, gradient norm {gradient_norm}. Lower the learning rate or look at the rows.",
        step=step,
        loss=loss,
        gradient_norm=gradient_norm,
        rows=", ".join(row.id for row in rows),
    )
