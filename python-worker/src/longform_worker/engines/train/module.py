"""The model and its loss as one module: what a pass goes through, and all whose weights a back end may split."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from longform_worker.engines.train.attention import hidden_states
from longform_worker.engines.train.collate import Pass
from longform_worker.engines.train.loss import greedy_hits, plain_cross_entropy, weighted_cross_entropy
from longform_worker.models.loaded import LoadedModel


class LossHead(nn.Module):
    """The model's head and the loss over its logits. A module of its own, so that split weights are whole in it."""

    def __init__(self, weight_VH: nn.Parameter, chunk_tokens: int) -> None:
        super().__init__()
        self.weight = weight_VH
        self.chunk_tokens = chunk_tokens

    def forward(self, hidden_NH: Tensor, targets_N: Tensor, weights_N: Tensor, *, greedy: bool) -> Tensor:
        """The loss; with ``greedy`` whether each target is the first choice, bool [N]."""
        if greedy:
            return greedy_hits(hidden_NH, self.weight.to(hidden_NH.dtype), targets_N, self.chunk_tokens)
        if self.in_chunks(len(targets_N)):
            return weighted_cross_entropy(hidden_NH, self.weight, targets_N, weights_N, self.chunk_tokens)
        return plain_cross_entropy(hidden_NH, self.weight, targets_N, weights_N)

    def in_chunks(self, positions: int) -> bool:
        """Whether the logits of this many positions are more than may exist at one time."""
        return positions > self.chunk_tokens


class TrainingModule(nn.Module):
    """From a pass to its share of the step's loss, a float32 scalar.

    With ``autocast`` weights stay in float32 and activations are bfloat16, so that small updates are not lost.
    """

    def __init__(self, loaded: LoadedModel, chunk_tokens: int, *, autocast: bool) -> None:
        super().__init__()
        self.model: nn.Module = loaded.model
        self.head = LossHead(loaded.model.lm_head.weight, chunk_tokens)
        self._loaded = (loaded,)  # in a tuple: no part of this module
        self._autocast = autocast

    def forward(self, batch: Pass, *, greedy: bool = False) -> Tensor:
        """The pass's part of the loss; with ``greedy`` whether each target is the first choice."""
        hidden_NH = self.hidden_of_targets(batch)
        return self.head(hidden_NH, batch.targets_N, batch.weights_N, greedy=greedy)

    def hidden_of_targets(self, batch: Pass) -> Tensor:
        """Hidden states [N, width] at the positions that predict a target."""
        (loaded,) = self._loaded
        with torch.autocast(loaded.device.type, dtype=torch.bfloat16, enabled=self._autocast):
            hidden_SH = hidden_states(loaded, self._model, batch)
        hidden_NH = hidden_SH[batch.positions_N]
        return hidden_NH.to(torch.bfloat16) if self._autocast else hidden_NH

    @property
    def _model(self) -> Any:  # noqa: ANN401  # transformers has no types that hold
        return self.model
