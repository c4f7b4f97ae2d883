"""Stages 1 to 3: optimizer state, gradients and weights split over the ranks by DeepSpeed.

DeepSpeed's own files are never written: it pickles them, and they open with the same number of ranks alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor

from longform_worker.engines.train.backend.ranks import Ranks
from longform_worker.engines.train.backend.split import count, deepspeed, shape_of
from longform_worker.engines.train.backend.state import WeightGroup, WeightState, make_optimizer
from longform_worker.engines.train.backend.zero_config import zero_config
from longform_worker.engines.train.collate import Pass
from longform_worker.engines.train.module import TrainingModule
from longform_worker.jobs import TrainingJob
from longform_worker.models.tensors import StoredTensor

SplitWeight: TypeAlias = Any  # a weight with what DeepSpeed attached to it


class ZeroBackend:
    """A DeepSpeed engine around the module."""

    def __init__(self, module: TrainingModule, groups: Sequence[WeightGroup], job: TrainingJob, ranks: Ranks) -> None:
        self._stage = job.zero.stage
        self._ranks = ranks
        self._weights = [weight for group in groups for weight in group.weights.values()]
        config = zero_config(job.zero, job.precision, job.optimizer.max_gradient_norm)
        engine, optimizer, _, _ = deepspeed().initialize(
            model=module, optimizer=make_optimizer(groups, job.optimizer), config=config
        )
        self._engine: Any = engine
        self._split: Any = optimizer
        self.optimizer: torch.optim.Optimizer = optimizer.optimizer
        # Below stage 3 DeepSpeed would look for bad numbers in float16 alone.
        self._split.check_grad_overflow = True
        for part in self._owned():
            self.optimizer.state[part] = {
                "step": torch.tensor(0.0, device=part.device),
                "exp_avg": torch.zeros_like(part),
                "exp_avg_sq": torch.zeros_like(part),
            }
        if self._stage < 3:
            self._split._lazy_init_hp_params_optimizer_state()

    def forward(self, batch: Pass, *, greedy: bool = False) -> Tensor:
        """What TrainingModule gives for the pass."""
        return self._engine(batch, greedy=greedy)

    def backward(self, loss: Tensor, *, last: bool) -> None:
        """Add the gradients of a pass. DeepSpeed averages over ranks; the losses are parts of a sum."""
        self._engine.set_gradient_accumulation_boundary(last)
        self._engine.backward(loss * self._ranks.world_size, scale_wrt_gas=False)

    def update(self, rates: Sequence[float]) -> float:
        """Clip and move; DeepSpeed leaves everything as it is when a gradient is no number, on all ranks."""
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        self._engine.step()
        return math.inf if self._split.overflow else float(self._engine.get_global_grad_norm())

    def whole(self, weight: Tensor, moment: str | None) -> Tensor:
        """Put together from the parts of all ranks."""
        split: SplitWeight = weight
        whole: Tensor = (
            self._split.get_full_hp_param(split, moment) if self._stage == 3 else split.get_full_hp_param(moment)
        )
        return whole.detach().view(tuple(shape_of(weight)))

    def restore(self, step: int, states: Iterable[tuple[Tensor, WeightState]]) -> None:
        """Set this rank's parts; what is not given stays as it is."""
        for part in self._owned():
            self.optimizer.state[part]["step"].fill_(step)
        for weight, state in states:
            self._set(weight, state.weight, None)
            self._set(weight, state.exp_avg, "exp_avg")
            self._set(weight, state.exp_avg_sq, "exp_avg_sq")

    def set_weights(self, weights: Iterable[tuple[Tensor, StoredTensor]]) -> None:
        """Set this rank's parts of the copies in float32, which DeepSpeed makes of what the module holds."""
        for weight, stored in weights:
            self._set(weight, stored, None)

    def _set(self, weight: Tensor, stored: StoredTensor, moment: str | None) -> None:
        split: SplitWeight = weight
        if self._stage == 3:
            part = self._part(stored, count(weight), split.ds_tensor.numel())
            self._split.set_local_hp_param(part, split, moment)
        else:
            split.set_full_hp_param(stored.read().float(), moment)

    def _owned(self) -> list[Tensor]:
        """What the optimizer moves on this rank: parts of many weights in one piece."""
        if self._stage == 3:
            return self._split.fp32_partitioned_groups_flat
        return [part for group in self.optimizer.param_groups for part in group["params"]]

    def _part(self, stored: StoredTensor, numbers: int, share: int) -> Tensor:
        """This rank's part of a weight of so many numbers: ``share`` of them, zeros behind the last."""
        start = min(share * self._ranks.rank, numbers)
        part = stored.part(start, min(start + share, numbers)).float()
        return torch.nn.functional.pad(part, (0, share - part.numel()))
