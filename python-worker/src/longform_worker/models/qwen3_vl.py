"""Qwen3-VL: learned positions in the vision tower, and features of some of its layers added to the language model's."""

from __future__ import annotations

from typing import Any

from longform_worker.jobs import Architecture, ModelPart
from longform_worker.models.adapter import Adapter, Config, Features, NewModel, text_fields, token_fields, vision_fields

# Side of the square of learned positions; those of an image are read off between them.
POSITIONS_SIDE = 16


class Qwen3VL(Adapter):
    model_type = "qwen3_vl"
    architecture = Architecture.QWEN3_VL
    model_class = "Qwen3VLForConditionalGeneration"
    processor_class = "Qwen3VLProcessor"
    image_mean = (0.5, 0.5, 0.5)
    image_std = (0.5, 0.5, 0.5)

    @staticmethod
    def new_config(transformers: Any, new: NewModel) -> Config:  # noqa: ANN401
        text, vision = new.job.text, new.job.vision
        fields = text_fields(new)
        fields["rope_parameters"]["mrope_interleaved"] = True
        # Up to three layers, spread as those of the released models.
        tapped = sorted({vision.layers * quarter // 4 for quarter in (1, 2, 3)})[: text.layers]
        return transformers.Qwen3VLConfig(
            text_config={**fields, "head_dim": text.hidden_size // text.heads},
            vision_config={
                **vision_fields(new),
                "hidden_size": vision.hidden_size,
                "intermediate_size": vision.intermediate_size,
                "out_hidden_size": text.hidden_size,
                "num_position_embeddings": POSITIONS_SIDE**2,
                "deepstack_visual_indexes": tapped,
            },
            **token_fields(new),
        )

    @property
    def head_width(self) -> int:
        return self.config.text_config.head_dim

    def part_of(self, parameter: str) -> ModelPart:
        if parameter.startswith("model.visual.deepstack_merger_list."):
            return ModelPart.MERGER
        return super().part_of(parameter)

    def first_features(self, features: Features, images: int) -> Features:
        features.deepstack_features = [of_layer[:images] for of_layer in features.deepstack_features]
        return super().first_features(features, images)
