"""Qwen2.5-VL: attention by windows in the vision tower."""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor

from longform_worker.jobs import Architecture
from longform_worker.models.adapter import (
    Adapter,
    Config,
    ImageProcessor,
    NewModel,
    text_fields,
    token_fields,
    vision_fields,
)


class Qwen25VL(Adapter):
    model_type = "qwen2_5_vl"
    architecture = Architecture.QWEN2_5_VL
    model_class = "Qwen2_5_VLForConditionalGeneration"
    processor_class = "Qwen2_5_VLProcessor"
    image_mean = (0.48145466, 0.4578275, 0.40821073)
    image_std = (0.26862954, 0.26130258, 0.27577711)

    def __init__(self, config: Config, image_processor: ImageProcessor) -> None:
        super().__init__(config, image_processor)
        self._layouts: dict[tuple[int, ...], _Layout] = {}

    @staticmethod
    def new_config(transformers: Any, new: NewModel) -> Config:  # noqa: ANN401
        vision = new.job.vision
        return transformers.Qwen2_5_VLConfig(
            text_config=text_fields(new),
            vision_config={
                **vision_fields(new),
                "hidden_size": vision.hidden_size,
                "intermediate_size": vision.intermediate_size,
                "out_hidden_size": new.job.text.hidden_size,
                "fullatt_block_indexes": list(range(vision.layers)),
            },
            **token_fields(new),
        )

    def vision_layout(self, grids_I3: Tensor) -> dict[str, Tensor]:
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
                self._layouts[grid] = _layout_of(self.config.vision_config, torch.tensor([grid]))
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
