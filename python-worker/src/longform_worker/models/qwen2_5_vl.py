"""Qwen2.5-VL: what the rest of the worker needs to know about this architecture, and nothing else."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias, cast

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from longform_worker.jobs import ModelPart

# transformers has no types that hold; these names say what is meant.
Model: TypeAlias = Any
Config: TypeAlias = Any
ImageProcessor: TypeAlias = Any


class ImageGrid(NamedTuple):
    """An image in patches: frames (always 1), rows and columns, before merging."""

    frames: int
    rows: int
    columns: int


class Patches(NamedTuple):
    """An image as the vision tower reads it: float32 [rows x columns, values of a patch], and its grid."""

    values: Tensor
    grid: ImageGrid


class Qwen25VL:
    """Adapter of one loaded Qwen2.5-VL: image arithmetic, rotary positions, names of its parts.

    ``image_processor`` is the folder's Qwen2VLImageProcessorPil; pixel values equal its own with resizing off.
    """

    def __init__(self, config: Config, image_processor: ImageProcessor) -> None:
        self.image_token_id: int = config.image_token_id
        self.patch_size: int = image_processor.patch_size
        self.merge_size: int = image_processor.merge_size
        self._temporal_size: int = image_processor.temporal_patch_size
        self._layouts: dict[tuple[int, ...], _Layout] = {}
        self._value_of_byte = _value_of_byte(image_processor)

    @property
    def grid_multiple(self) -> int:
        """Both sides of an image are multiples of this many pixels."""
        return self.patch_size * self.merge_size

    def grid(self, width: int, height: int) -> ImageGrid:
        """The grid of an image of this many pixels. Raises ValueError when it is not on ``grid_multiple``."""
        if width % self.grid_multiple or height % self.grid_multiple:
            raise ValueError(f"{width}x{height} pixels are no multiples of {self.grid_multiple}")
        return ImageGrid(1, height // self.patch_size, width // self.patch_size)

    def image_token_count(self, width: int, height: int) -> int:
        """Tokens that an image of this many pixels takes in a prompt."""
        grid = self.grid(width, height)
        return grid.rows * grid.columns // self.merge_size**2

    def patches(self, image: Image.Image) -> Patches:
        """The patches of an RGB image at its final size, in the order of Qwen2VLImageProcessor.patchify."""
        grid = self.grid(image.width, image.height)
        bytes_HWC = np.asarray(image)
        values_CHW = np.stack([self._value_of_byte[channel][bytes_HWC[:, :, channel]] for channel in range(3)])
        merge, size = self.merge_size, self.patch_size
        blocks = values_CHW.reshape(3, grid.rows // merge, merge, size, grid.columns // merge, merge, size)
        # (row of blocks, column of blocks, row and column in the block, channel, y, x)
        blocks = blocks.transpose(1, 4, 2, 5, 0, 3, 6)
        frames = np.repeat(blocks[:, :, :, :, :, None], self._temporal_size, axis=5)
        return Patches(torch.as_tensor(frames.reshape(grid.rows * grid.columns, -1)), grid)

    def positions(self, ids: Sequence[int], grids: Sequence[ImageGrid]) -> Tensor:
        """Rotary positions of one sequence, int64 [3, tokens]: time, height, width.

        Text counts up in all three; an image counts its rows and columns of merged patches from where
        it begins, and the text after it goes on behind the larger of the two (``get_rope_index``).
        """
        ids_T = np.asarray(ids)
        pieces: list[np.ndarray[Any, np.dtype[np.int64]]] = []
        start, token = 0, 0
        first_tokens = self._image_starts(ids_T, grids)
        for first_token, grid in zip(first_tokens, grids, strict=True):
            rows, columns = grid.rows // self.merge_size, grid.columns // self.merge_size
            pieces.append(np.tile(np.arange(first_token - token) + start, (3, 1)))
            start += first_token - token
            row_of, column_of = np.divmod(np.arange(rows * columns), columns)
            pieces.append(np.stack([np.zeros_like(row_of), row_of, column_of]) + start)
            start += max(rows, columns)
            token = first_token + rows * columns
        pieces.append(np.tile(np.arange(len(ids_T) - token) + start, (3, 1)))
        return torch.as_tensor(np.concatenate(pieces, axis=1).astype(np.int64))

    def _image_starts(self, ids_T: np.ndarray[Any, Any], grids: Sequence[ImageGrid]) -> list[int]:
        places = np.flatnonzero(ids_T == self.image_token_id)
        starts: list[int] = []
        used = 0
        for grid in grids:
            starts.append(int(places[used]))
            used += grid.rows * grid.columns // self.merge_size**2
        if used != len(places):
            raise ValueError(f"{len(places)} image tokens in the sequence, {used} in the images")
        return starts

    def part_of(self, parameter: str) -> ModelPart:
        """The part of the model that a parameter belongs to, by its name in ``named_parameters``."""
        if parameter.startswith("model.visual.merger."):
            return ModelPart.MERGER
        return ModelPart.VISION if parameter.startswith("model.visual.") else ModelPart.LANGUAGE

    def vision_layout(self, model: Model, grids_I3: Tensor) -> dict[str, Tensor]:
        """Places and windows of all patches, put together from each grid's own, which are computed once.

        The vision tower would work them out anew in Python for every image of every pass: a tenth of a
        training step where images are small.
        """
        positions: list[Tensor] = []
        windows: list[Tensor] = []
        window_ends: list[Tensor] = [torch.zeros(1, dtype=torch.int32)]
        merged, patches = 0, 0
        rows = cast("list[tuple[int, int, int]]", grids_I3.tolist())  # pyright: ignore[reportUnknownMemberType]
        for grid in map(tuple, rows):
            if grid not in self._layouts:
                self._layouts[grid] = _layout_of(model.config.vision_config, torch.tensor([grid]))
            layout = self._layouts[grid]
            positions.append(layout.positions_P2)
            windows.append(layout.window_order_M + merged)
            window_ends.append(layout.window_ends_W + patches)
            merged += len(layout.window_order_M)
            patches += len(layout.positions_P2)
        device = grids_I3.device
        return {
            "image_position_ids": torch.cat(positions).to(device),
            "image_window_index": torch.cat(windows).to(device),
            "image_cu_window_seqlens": torch.cat(window_ends).to(device),
        }


class _Layout(NamedTuple):
    """Of one image: row and column of each of P patches, the order of its M merged patches by windows of
    attention, and the end of each window in patches."""

    positions_P2: Tensor
    window_order_M: Tensor
    window_ends_W: Tensor


def _layout_of(config: Config, grid_13: Tensor) -> _Layout:
    """As the vision tower itself works it out for one image."""
    vision: Any = importlib.import_module("transformers.vision_utils")
    order_M, ends = vision.get_vision_window_index(
        grid_13, config.spatial_merge_size, config.window_size, config.patch_size
    )
    return _Layout(vision.get_vision_position_ids(grid_13, config.spatial_merge_size), order_M, ends[1:])


def _value_of_byte(image_processor: ImageProcessor) -> np.ndarray[Any, np.dtype[np.float32]]:
    """float32 [3, 256]: what the processor makes of each byte in each channel, by its own arithmetic."""
    values: np.ndarray[Any, Any] = np.tile(np.arange(256, dtype=np.uint8), (3, 1, 1))
    if image_processor.do_rescale:
        values = image_processor.rescale(values, image_processor.rescale_factor)
    if image_processor.do_normalize:
        values = image_processor.normalize(values, image_processor.image_mean, image_processor.image_std)
    return values.astype(np.float32).reshape(3, 256)
