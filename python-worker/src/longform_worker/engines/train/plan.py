"""Every row counted and checked against the model before the first step: tokens, images, special tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, as_tensor

from longform_worker.data.images import fits
from longform_worker.data.prompt import PromptEncoder
from longform_worker.data.rows import TrainingRow, read_training_rows
from longform_worker.failure import EngineFailure
from longform_worker.jobs import ImageReference, TrainingJob, VisionPolicy
from longform_worker.models.adapter import ImageGrid
from longform_worker.models.loaded import ModelFolder

NAMED_OFFENDERS = 10


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """A row as tensors: int64 ids [T], rotary positions [3, T]; targets are the ids from ``target_start`` on."""

    id: str
    ids_T: Tensor
    positions_3T: Tensor
    target_start: int
    image_tokens: int
    images: tuple[ImageReference, ...]
    grids: tuple[ImageGrid, ...]

    @property
    def tokens(self) -> int:
        """All tokens of the row, image tokens and the end of turn included."""
        return len(self.ids_T)

    @property
    def target_tokens(self) -> int:
        """Tokens that the row's loss is taken over."""
        return self.tokens - self.target_start


def plan_rows(path: Path, model: ModelFolder, job: TrainingJob) -> list[PlannedRow]:
    """Read and encode all rows of an imported file for this job.

    Raises EngineFailure (data_refused) for rows longer than the job's ``max_tokens`` or the model's window (all of them
    counted, the first ones named with their lengths), for special tokens in texts, and for images that do not fit the
    policy.
    """
    encoder = PromptEncoder(model, job.prompt_layout)
    planned: list[PlannedRow] = []
    for row in read_training_rows(path):
        check_images(path, row, job.vision_policy)
        encoded = encoder.row(row)
        grids = tuple(model.adapter.grid(image.width, image.height) for image in row.images)
        planned.append(
            PlannedRow(
                id=row.id,
                ids_T=as_tensor(encoded.ids),
                positions_3T=model.adapter.positions(encoded.ids, grids),
                target_start=encoded.target_start,
                image_tokens=encoded.image_tokens,
                images=row.images,
                grids=grids,
            )
        )
    _refuse_too_long(path, planned, job.max_tokens, model)
    return planned


def planned_counts(rows: Sequence[PlannedRow]) -> dict[str, int]:
    """The fields of ``RowsPlanned``."""
    return {
        "rows": len(rows),
        "tokens": sum(row.tokens for row in rows),
        "image_tokens": sum(row.image_tokens for row in rows),
        "target_tokens": sum(row.target_tokens for row in rows),
        "longest_row_tokens": max(row.tokens for row in rows),
    }


def check_images(path: Path, row: TrainingRow, policy: VisionPolicy) -> None:
    """Refuse a row with more images than the policy allows, or with one that it would make otherwise."""
    if len(row.images) > policy.max_images:
        raise _refused(path, row.id, f"at most {policy.max_images} images", f"{len(row.images)}")
    for index, image in enumerate(row.images):
        if not fits(image, policy):
            expected = (
                f"image {index} of {policy.min_pixels} to {policy.max_pixels} pixels on a grid of"
                f" {policy.grid_multiple}, as the job's vision policy makes it"
            )
            raise _refused(path, row.id, expected, f"{image.width}x{image.height}")


def _refuse_too_long(path: Path, rows: Sequence[PlannedRow], max_tokens: int, model: ModelFolder) -> None:
    limit = min(max_tokens, model.window)
    offenders = sorted((row for row in rows if row.tokens > limit), key=lambda row: -row.tokens)
    if not offenders:
        return
    named = ", ".join(f"{row.id} ({row.tokens})" for row in offenders[:NAMED_OFFENDERS])
    told = f"maxTokens {max_tokens}"
    advice = f"Raise maxTokens to {offenders[0].tokens} or leave these rows out."
    if limit < max_tokens:
        told = f"the window of {limit} tokens that {model.folder} was made for"
        advice = f"Leave these rows out: maxTokens {max_tokens} is above what the model can read."
    raise EngineFailure(
        "data_refused",
        f"{path}: {len(offenders)} of {len(rows)} rows are longer than {told}: {named}. {advice}",
        file=path,
        row=offenders[0].id,
        rows=", ".join(row.id for row in offenders[:NAMED_OFFENDERS]),
        expected=f"at most {limit} tokens",
        found=f"{offenders[0].tokens} tokens",
    )


def _refused(path: Path, row: str, expected: str, found: str) -> EngineFailure:
    return EngineFailure.mismatch("data_refused", f"Row {row}", expected, found, file=path, row=row)
