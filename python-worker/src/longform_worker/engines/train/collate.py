"""From planned rows to the tensors of one forward pass."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import torch
from torch import Tensor

from longform_worker.data.images import load_pixels
from longform_worker.engines.train.plan import PlannedRow
from longform_worker.jobs import ImageReference, LossNormalisation
from longform_worker.models.adapter import Patches
from longform_worker.models.loaded import LoadedModel, ModelFolder

PATCH_CACHE_BYTES = 512 << 20


@dataclass(frozen=True, slots=True)
class Pass:
    """Rows of one forward pass, one behind the other in one sequence of S tokens, with N target positions in all.

    ``row_ends`` are the places behind the last token of each row, the last one S. ``positions_N`` are places in the
    hidden states that predict ``targets_N``; ``weights_N`` is what each target's loss counts in the step;
    ``row_of_N`` counts the pass's own ``rows``. A row of filler may stand behind them, without targets.
    """

    ids_S: Tensor
    rotary_3S: Tensor
    row_ends: tuple[int, ...]
    patches_PV: Tensor | None
    grids_I3: Tensor | None
    positions_N: Tensor
    targets_N: Tensor
    weights_N: Tensor
    row_of_N: Tensor
    rows: int


@dataclass(frozen=True, slots=True)
class StepWeights:
    """What target tokens count in the loss of a step; examples and targets are those of all ranks together."""

    normalisation: LossNormalisation
    examples: int
    target_tokens: int

    @classmethod
    def of_step(cls, rows: Sequence[PlannedRow], normalisation: LossNormalisation) -> StepWeights:
        """The weights of a step made of these rows; over all of them they sum up to 1."""
        return cls(normalisation, len(rows), sum(row.target_tokens for row in rows))

    def of_row(self, row: PlannedRow) -> float:
        """What one target token of the row counts.

        By token: 1 / target tokens of the step. By example: 1 / (examples x target tokens of the row).
        """
        if self.normalisation is LossNormalisation.TOKEN:
            return 1 / self.target_tokens
        return 1 / (self.examples * row.target_tokens)


@dataclass(frozen=True, slots=True)
class Filler:
    """A row without targets for passes that would else not run every module that other ranks' passes run.

    Its gradients are zeros. ``patches`` is its image's, if it has one.
    """

    row: PlannedRow
    patches: Patches | None

    @classmethod
    def of_training(cls, model: ModelFolder, rows: Sequence[PlannedRow]) -> Filler:
        """With an image of one token when any row of the training has an image, else the end of a turn alone."""
        ids, patches = model.adapter.smallest_image()
        if not any(row.images for row in rows):
            ids, patches = [model.turn_end_id], None
        grids = () if patches is None else (patches.grid,)
        row = PlannedRow(
            id="filler",
            ids_T=torch.tensor(ids),
            positions_3T=model.adapter.positions(ids, grids),
            target_start=len(ids),
            image_tokens=len(grids),
            images=(),
            grids=grids,
        )
        return cls(row, patches)

    def needed(self, rows: Sequence[PlannedRow]) -> bool:
        """Whether a pass of these rows lacks something without it."""
        return not rows or (self.patches is not None and not any(row.images for row in rows))


class Collator:
    """Makes passes for one model. Decoded images stay in memory up to ``cache_bytes``.

    With a filler every pass runs the same modules, one without rows too; ranks that wait for each other need that.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        blob_root: Path,
        filler: Filler | None = None,
        cache_bytes: int = PATCH_CACHE_BYTES,
    ) -> None:
        self._loaded = loaded
        self._blob_root = blob_root
        self._filler = filler
        self._cache_bytes = cache_bytes
        self._cached: OrderedDict[str, Patches] = OrderedDict()
        self._cached_bytes = 0

    def passes(self, groups: Sequence[Sequence[PlannedRow]], weights: StepWeights) -> Iterator[Pass]:
        """One pass for each group of rows, made when it is asked for.

        A caller that lets go of a pass before it asks for the next has the pixels of one alone on the device.
        """
        for rows in groups:
            yield self._pass(rows, weights)

    def _pass(self, rows: Sequence[PlannedRow], weights: StepWeights) -> Pass:
        patches = [self._patches(image) for row in rows for image in row.images]
        packed = list(rows)
        if self._filler and self._filler.needed(rows):
            packed.append(self._filler.row)
            patches += [self._filler.patches] if self._filler.patches else []
        ends = tuple(accumulate(row.tokens for row in packed))
        counts = torch.tensor([row.target_tokens for row in packed])
        predicting = [torch.arange(end - row.target_tokens - 1, end - 1) for row, end in zip(packed, ends, strict=True)]
        row_weights = torch.tensor([weights.of_row(row) for row in rows], dtype=torch.float32)
        device = self._loaded.device
        return Pass(
            ids_S=torch.cat([row.ids_T for row in packed]).to(device),
            rotary_3S=torch.cat([row.positions_3T for row in packed], dim=1).to(device),
            row_ends=ends,
            patches_PV=torch.cat([patch.values for patch in patches]).to(device) if patches else None,
            grids_I3=torch.tensor([patch.grid for patch in patches]).to(device) if patches else None,
            positions_N=torch.cat(predicting).to(device),
            targets_N=torch.cat([row.ids_T[row.target_start :] for row in packed]).to(device),
            weights_N=row_weights.repeat_interleave(counts[: len(rows)]).to(device),
            row_of_N=torch.arange(len(packed)).repeat_interleave(counts).to(device),
            rows=len(rows),
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
