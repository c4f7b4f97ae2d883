"""What a back end is to the training: how weights are held, moved, read whole and set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from longform_worker.engines.train.collate import Pass
from longform_worker.jobs import Optimizer
from longform_worker.models.tensors import StoredTensor

MOMENTS = ("exp_avg", "exp_avg_sq")


@dataclass(frozen=True, slots=True)
class WeightGroup:
    """Weights, by their names in the model, that share a learning rate and a decay."""

    peak_learning_rate: float
    weight_decay: float
    weights: Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class WeightState:
    """A trained weight and its moments, whole and in float32, where they are stored."""

    weight: StoredTensor
    exp_avg: StoredTensor
    exp_avg_sq: StoredTensor


class Backend(Protocol):
    """All methods are collective: every rank calls them in the same order."""

    @property
    def optimizer(self) -> torch.optim.Optimizer:
        """What moves the weights, or this rank's parts of them."""
        ...

    def forward(self, batch: Pass, *, greedy: bool = False) -> Tensor:
        """What TrainingModule gives for the pass."""
        ...

    def backward(self, loss: Tensor, *, last: bool) -> None:
        """Add the gradients of a pass; ``last`` of the step."""
        ...

    def update(self, rates: Sequence[float]) -> float:
        """Move the weights with a rate for each group; returns the norm of the gradient before clipping.

        When the norm is no finite number nothing has moved.
        """
        ...

    def whole(self, weight: Tensor, moment: str | None) -> Tensor:
        """A trained weight, or one of its ``MOMENTS``, put together on this rank's device."""
        ...

    def restore(self, step: int, states: Iterable[tuple[Tensor, WeightState]]) -> None:
        """Go on after ``step`` with these weights and moments. The module holds the weights already."""
        ...


def make_optimizer(groups: Sequence[WeightGroup], settings: Optimizer) -> torch.optim.AdamW:
    """AdamW over the groups, in their order."""
    return torch.optim.AdamW(
        [
            {
                "params": list(group.weights.values()),
                "lr": group.peak_learning_rate,
                "weight_decay": group.weight_decay,
            }
            for group in groups
        ],
        betas=(settings.beta1, settings.beta2),
        eps=settings.epsilon,
        fused=True,
    )
