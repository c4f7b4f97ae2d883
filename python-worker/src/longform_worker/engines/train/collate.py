"""From planned rows to the tensors of one forward pass."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from longform_worker.data.images import load_pixels
from longform_worker.engines.train.plan import PlannedRow
from longform_worker.jobs import ImageReference, LossNormalisation
from longform_worker.models.loaded import LoadedModel
from longform_worker.models.qwen2_5_vl import Patches

PATCH_CACHE_BYTES = 512 << 20


@dataclass(frozen=True, slots=True)
class Pass:
    """B rows of one forward pass, padded on the right to T tokens, with N target positions in all.

    ``positions_N`` are places in the flattened [B x T] hidden states that predict ``targets_N``;
    ``weights_N`` is what each target's loss counts in the step.
    """

    ids_BT: Tensor
    rotary_3BT: Tensor
    patches_PV: Tensor | None
    grids_I3: Tensor | None
    positions_N: Tensor
    targets_N: Tensor
    weights_N: Tensor
    row_of_N: Tensor


class Collator:
    """Makes passes for one model. Decoded images stay in memory up to ``cache_bytes``."""

    def __init__(self, loaded: LoadedModel, blob_root: Path, cache_bytes: int = PATCH_CACHE_BYTES) -> None:
        self._loaded = loaded
        self._blob_root = blob_root
        self._cache_bytes = cache_bytes
        self._cached: OrderedDict[str, Patches] = OrderedDict()
        self._cached_bytes = 0

    def passes(
        self, rows: Sequence[PlannedRow], tokens_per_pass: int, normalisation: LossNormalisation
    ) -> Iterator[Pass]:
        """The passes of one step, each made when it is asked for. The weights of all of them together sum up to 1.

        A caller that lets go of a pass before it asks for the next has the pixels of one alone on the device.
        """
        weights = row_weights(rows, normalisation)
        start = 0
        while start < len(rows):
            end, tokens = start + 1, rows[start].tokens
            while end < len(rows) and tokens + rows[end].tokens <= tokens_per_pass:
                tokens += rows[end].tokens
                end += 1
            yield self._pass(rows[start:end], weights[start:end])
            start = end

    def _pass(self, rows: Sequence[PlannedRow], weights: Sequence[float]) -> Pass:
        width = max(row.tokens for row in rows)
        ids_BT = torch.zeros(len(rows), width, dtype=torch.int64)
        rotary_3BT = torch.zeros(3, len(rows), width, dtype=torch.int64)
        for index, row in enumerate(rows):
            ids_BT[index, : row.tokens] = row.ids_T
            rotary_3BT[:, index, : row.tokens] = row.positions_3T
        patches = [self._patches(image) for row in rows for image in row.images]
        device = self._loaded.device
        counts = torch.tensor([row.target_tokens for row in rows])
        positions = [
            torch.arange(row.target_start - 1, row.tokens - 1) + index * width for index, row in enumerate(rows)
        ]
        return Pass(
            ids_BT=ids_BT.to(device),
            rotary_3BT=rotary_3BT.to(device),
            patches_PV=torch.cat([patch.values for patch in patches]).to(device) if patches else None,
            grids_I3=torch.tensor([patch.grid for patch in patches]).to(device) if patches else None,
            positions_N=torch.cat(positions).to(device),
            targets_N=torch.cat([row.ids_T[row.target_start :] for row in rows]).to(device),
            weights_N=torch.tensor(weights, dtype=torch.float32).repeat_interleave(counts).to(device),
            row_of_N=torch.arange(len(rows)).repeat_interleave(counts).to(device),
        )

    def _patches(self, image: ImageReference) -> Patches:
        cached = self._cached.get(image.sha256)
        if cached is not None:
            self._cached.move_to_end(image.sha256)
            return cached
        patches = self._loaded.adapter.patches(load_pixels(self._blob_root, image))
        self._cached[image.sha256] = patches
        self._cached_bytes += patches.values.nbytes
        while self._cached_bytes > self._cache_bytes:
            _, evicted = self._cached.popitem(last=False)
            self._cached_bytes -= evicted.values.nbytes
        return patches


def row_weights(rows: Sequence[PlannedRow], normalisation: LossNormalisation) -> list[float]:
    """What one target token of each row counts in the loss of a step made of these rows.

    By token: 1 / target tokens of the step. By example: 1 / (examples x target tokens of the row).
    """
    if normalisation is LossNormalisation.TOKEN:
        total = sum(row.target_tokens for row in rows)
        return [1 / total] * len(rows)
    return [1 / (len(rows) * row.target_tokens) for row in rows]
