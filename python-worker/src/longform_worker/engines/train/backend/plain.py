"""Stage 0: every rank holds all weights; gradients are summed over the ranks once a step."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from longform_worker.engines.train.backend.ranks import Ranks
from longform_worker.engines.train.backend.state import WeightGroup, WeightState, make_optimizer
from longform_worker.engines.train.collate import Pass
from longform_worker.engines.train.module import TrainingModule
from longform_worker.jobs import Optimizer


class PlainBackend:
    """Plain PyTorch. Losses are divided by what the whole step counts, so gradients are summed and not averaged."""

    def __init__(
        self, module: TrainingModule, groups: Sequence[WeightGroup], settings: Optimizer, ranks: Ranks
    ) -> None:
        self.optimizer = make_optimizer(groups, settings)
        self._module = module
        self._ranks = ranks
        self._limit = settings.max_gradient_norm or math.inf
        self._weights = [weight for group in groups for weight in group.weights.values()]
        for weight in self._weights:
            self.optimizer.state[weight] = {
                "step": torch.tensor(0.0, device=weight.device),
                "exp_avg": torch.zeros_like(weight),
                "exp_avg_sq": torch.zeros_like(weight),
            }

    def forward(self, batch: Pass, *, greedy: bool = False) -> Tensor:
        """What TrainingModule gives for the pass."""
        return self._module(batch, greedy=greedy)

    def backward(self, loss: Tensor, *, last: bool) -> None:
        """Add the gradients of a pass."""
        del last
        loss.backward()  # pyright: ignore[reportUnknownMemberType]

    def update(self, rates: Sequence[float]) -> float:
        """Sum over ranks, clip, move; returns the norm before clipping."""
        for weight in self._weights:
            if weight.grad is None:  # no pass of this rank came by it
                weight.grad = torch.zeros_like(weight)
        self._ranks.sum_tensors([weight.grad for weight in self._weights if weight.grad is not None])
        norm = torch.nn.utils.clip_grad_norm_(self._weights, self._limit).item()
        if math.isfinite(norm):
            for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
                group["lr"] = rate
            self.optimizer.step()  # pyright: ignore[reportUnknownMemberType]
        self.optimizer.zero_grad(set_to_none=True)
        return norm

    def whole(self, weight: Tensor, moment: str | None) -> Tensor:
        """Whole as it is."""
        return weight.detach() if moment is None else self.optimizer.state[weight][moment]

    def restore(self, step: int, states: Iterable[tuple[Tensor, WeightState]]) -> None:
        """Set moments; the module holds the weights already."""
        for weight in self._weights:
            self.optimizer.state[weight]["step"].fill_(step)
        for weight, state in states:
            self.optimizer.state[weight]["exp_avg"].copy_(state.exp_avg.read())
            self.optimizer.state[weight]["exp_avg_sq"].copy_(state.exp_avg_sq.read())
