"""Choosing the next token of every row of a batch.

Each row has its own settings and its own uniform number in [0, 1); nothing of a row depends on its
neighbours, so a request writes the same text in any company. One number per token suffices: the token is
where the cumulative distribution, in the order of the vocabulary, passes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

import torch

from longform_worker.jobs import Sampling


class RowSettings:
    """Sampling settings of the rows of a batch, as tensors; made once for as long as the rows stay."""

    def __init__(self, samplings: Sequence[Sampling], device: torch.device) -> None:
        drawn = [row for row, sampling in enumerate(samplings) if sampling.temperature > 0]
        chosen = [samplings[row] for row in drawn]
        filtered = [place for place, sampling in enumerate(chosen) if sampling.top_p < 1 or sampling.top_k > 0]
        self.drawn = drawn
        self.drawn_rows = torch.tensor(drawn, dtype=torch.long, device=device)
        self.temperature_D = torch.tensor([s.temperature for s in chosen], dtype=torch.float64, device=device)
        self.filtered = bool(filtered)
        self.filtered_places = torch.tensor(filtered, dtype=torch.long, device=device)
        self.top_p_F = torch.tensor([chosen[place].top_p for place in filtered], dtype=torch.float64, device=device)
        self.top_k_F = torch.tensor([chosen[place].top_k for place in filtered], dtype=torch.long, device=device)


class Sampler:
    """Chooses tokens of one vocabulary: never a forbidden one, no end of turn before its time."""

    def __init__(self, logits_width: int, forbidden: Iterable[int], ends: Iterable[int], device: torch.device) -> None:
        self._forbidden_V = torch.zeros(logits_width, dtype=torch.bool, device=device)
        self._forbidden_V[sorted(forbidden)] = True
        self._ends = torch.tensor(sorted(ends), dtype=torch.long, device=device)

    def choose(
        self, logits_BV: torch.Tensor, rows: RowSettings, draws: Sequence[float], unfinished: Sequence[int]
    ) -> list[int | None]:
        """The next token of every row, None where the logits of a row are not numbers.

        ``draws`` has one number in [0, 1) for each row of ``rows.drawn``; ``unfinished`` lists the rows
        that may not end their turn yet.
        """
        finite_B = logits_BV.amax(dim=-1).isfinite()  # the maximum of a row with a NaN is NaN
        logits_BV = logits_BV.float().masked_fill(self._forbidden_V, -torch.inf)
        if unfinished:
            early = torch.tensor(unfinished, dtype=torch.long, device=logits_BV.device)
            logits_BV[early[:, None], self._ends] = -torch.inf
        tokens_B = logits_BV.argmax(dim=-1)
        if rows.drawn:
            drawn_DV = logits_BV if len(rows.drawn) == len(logits_BV) else logits_BV[rows.drawn_rows]
            tokens_B[rows.drawn_rows] = _draw(drawn_DV, rows, draws)
        # One transfer for both: a negative id says that there was nothing to choose from.
        chosen = cast(list[int], torch.where(finite_B, tokens_B, -1).tolist())  # pyright: ignore[reportUnknownMemberType]
        return [token if token >= 0 else None for token in chosen]


def _draw(logits_DV: torch.Tensor, rows: RowSettings, draws: Sequence[float]) -> torch.Tensor:
    # The largest logit becomes 0 before the division, so that no temperature overflows.
    logits_DV = logits_DV.double()
    scaled_DV = (logits_DV - logits_DV.amax(dim=-1, keepdim=True)) / rows.temperature_D[:, None]
    if rows.filtered:
        kept_FV = _nucleus(scaled_DV[rows.filtered_places], rows.top_p_F, rows.top_k_F)
        scaled_DV[rows.filtered_places] = kept_FV
    cumulative_DV = scaled_DV.softmax(dim=-1).cumsum(dim=-1)
    total_D = cumulative_DV[:, -1]
    point_D = torch.tensor(draws, dtype=torch.float64, device=logits_DV.device) * total_D
    point_D = torch.minimum(point_D, torch.nextafter(total_D, torch.zeros_like(total_D)))
    # The first entry above the point: its own probability is what lifted the sum, so it is not zero.
    return torch.searchsorted(cumulative_DV, point_D[:, None], right=True)[:, 0]


def _nucleus(scaled_FV: torch.Tensor, top_p_F: torch.Tensor, top_k_F: torch.Tensor) -> torch.Tensor:
    """Logits with everything outside top-k, then outside top-p of what is left, at minus infinity."""
    ordered_FV, order_FV = scaled_FV.sort(dim=-1, descending=True, stable=True)
    rank_V = torch.arange(scaled_FV.shape[-1], device=scaled_FV.device)
    beyond_FV = (top_k_F[:, None] > 0) & (rank_V >= top_k_F[:, None])
    ordered_FV = ordered_FV.masked_fill(beyond_FV, -torch.inf)
    probability_FV = ordered_FV.softmax(dim=-1)
    before_FV = probability_FV.cumsum(dim=-1) - probability_FV
    outside_FV = (before_FV >= top_p_F[:, None]) & (top_p_F[:, None] < 1)
    outside_FV[:, 0] = False
    ordered_FV = ordered_FV.masked_fill(outside_FV, -torch.inf)
    return torch.empty_like(ordered_FV).scatter_(-1, order_FV, ordered_FV)
