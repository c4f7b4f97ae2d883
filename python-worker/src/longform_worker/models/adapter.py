"""What the rest of the worker needs to know about a family of models, and nothing else.

The base holds what Qwen's vision-language models have in common; each family adds in a file of its own what it has
different.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, TypeAlias

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from longform_worker.jobs import AdapterLayers, Architecture, ModelJob, ModelPart

# transformers has no types that hold; these names say what is meant.
Model: TypeAlias = Any
Config: TypeAlias = Any
Features: TypeAlias = Any  # what the vision tower makes of images
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


class NewModel(NamedTuple):
    """What a new model of a family is made from."""

    job: ModelJob
    special_ids: Mapping[str, int]
    vocabulary_size: int
    temporal_patch_size: int


class Adapter:
    """Adapter of one opened model folder: image arithmetic, rotary positions, names of its parts.

    ``image_processor`` is the folder's Qwen2VLImageProcessorPil; pixel values equal its own with resizing off.
    """

    model_type: ClassVar[str]
    architecture: ClassVar[Architecture]
    model_class: ClassVar[str]
    processor_class: ClassVar[str]
    # How a new model of the family shifts and scales its pixels.
    image_mean: ClassVar[tuple[float, float, float]]
    image_std: ClassVar[tuple[float, float, float]]

    def __init__(self, config: Config, image_processor: ImageProcessor) -> None:
        self.config = config
        self.image_token_id: int = config.image_token_id
        self.patch_size: int = image_processor.patch_size
        self.merge_size: int = image_processor.merge_size
        self._temporal_size: int = image_processor.temporal_patch_size
        self._value_of_byte = _value_of_byte(image_processor)

    @staticmethod
    def new_config(transformers: Any, new: NewModel) -> Config:  # noqa: ANN401
        """The config of a new model. Raises EngineFailure (spec_refused) for a shape that the family cannot have."""
        raise NotImplementedError

    @property
    def grid_multiple(self) -> int:
        """Both sides of an image are multiples of this many pixels."""
        return self.patch_size * self.merge_size

    @property
    def head_width(self) -> int:
        """Numbers that a head of the language model's attention keeps for each token."""
        text = self.config.text_config
        return text.hidden_size // text.num_attention_heads

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

    def smallest_image(self) -> tuple[list[int], Patches]:
        """Token ids and patches of an image of a single token, as a template would put it."""
        patches = Patches(
            torch.zeros(self.merge_size**2, 3 * self._temporal_size * self.patch_size**2),
            ImageGrid(1, self.merge_size, self.merge_size),
        )
        return [self.config.vision_start_token_id, self.image_token_id, self.config.vision_end_token_id], patches

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

    def linear_layers(self, model: Model, part: ModelPart, layers: AdapterLayers) -> list[str]:
        """Names of the part's linear layers in ``named_modules``, the head never among them.

        A merger has no attention: all of it is feed-forward.
        """
        names: list[str] = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
        of_part = [name for name in names if name != "lm_head" and self.part_of(f"{name}.weight") is part]
        if layers is AdapterLayers.ALL:
            return of_part
        attention = layers is AdapterLayers.ATTENTION
        return [name for name in of_part if (".attn." in name or ".self_attn." in name) is attention]

    def vision_layout(self, grids_I3: Tensor) -> dict[str, Tensor]:
        """What the vision tower is given to know of the images' layout, so that it does not work it out itself."""
        del grids_I3
        return {}

    def first_features(self, features: Features, images: int) -> Features:
        """Of what the vision tower made of images, that of the first ones alone."""
        features.pooler_output = features.pooler_output[:images]
        return features


def rotary_sections(head_width: int) -> list[int]:
    """How time, height and width share a head: as 16 : 24 : 24."""
    height = width = head_width // 2 * 3 // 8
    return [head_width // 2 - height - width, height, width]


def text_fields(new: NewModel) -> dict[str, Any]:
    """Fields that the text configs of all families have."""
    text = new.job.text
    return {
        "vocab_size": new.vocabulary_size,
        "hidden_size": text.hidden_size,
        "intermediate_size": text.intermediate_size,
        "num_hidden_layers": text.layers,
        "num_attention_heads": text.heads,
        "num_key_value_heads": text.key_value_heads,
        "max_position_embeddings": text.max_positions,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": text.rope_theta,
            "mrope_section": rotary_sections(text.hidden_size // text.heads),
        },
        "initializer_range": new.job.initializer_range,
        "bos_token_id": None,
        "eos_token_id": new.special_ids["<|im_end|>"],
        "pad_token_id": new.special_ids["<|endoftext|>"],
    }


def vision_fields(new: NewModel) -> dict[str, Any]:
    """Fields that the vision configs of all families have."""
    vision = new.job.vision
    return {
        "depth": vision.layers,
        "num_heads": vision.heads,
        "patch_size": vision.patch_size,
        "spatial_merge_size": vision.merge_size,
        "temporal_patch_size": new.temporal_patch_size,
        "initializer_range": new.job.initializer_range,
    }


def token_fields(new: NewModel) -> dict[str, Any]:
    """Fields that the configs of all families have at the top."""
    ids = new.special_ids
    return {
        "image_token_id": ids["<|image_pad|>"],
        "video_token_id": ids["<|video_pad|>"],
        "vision_start_token_id": ids["<|vision_start|>"],
        "vision_end_token_id": ids["<|vision_end|>"],
        "tie_word_embeddings": False,
    }


def _value_of_byte(image_processor: ImageProcessor) -> np.ndarray[Any, np.dtype[np.float32]]:
    """float32 [3, 256]: what the processor makes of each byte in each channel, by its own arithmetic."""
    values: np.ndarray[Any, Any] = np.tile(np.arange(256, dtype=np.uint8), (3, 1, 1))
    if image_processor.do_rescale:
        values = image_processor.rescale(values, image_processor.rescale_factor)
    if image_processor.do_normalize:
        values = image_processor.normalize(values, image_processor.image_mean, image_processor.image_std)
    return values.astype(np.float32).reshape(3, 256)
