"""Qwen2-VL: full attention in the vision tower, whose feed-forward width is a multiple of its own."""

from __future__ import annotations

from typing import Any

from longform_worker.failure import EngineFailure
from longform_worker.jobs import Architecture
from longform_worker.models.adapter import Adapter, Config, NewModel, text_fields, token_fields, vision_fields


class Qwen2VL(Adapter):
    model_type = "qwen2_vl"
    architecture = Architecture.QWEN2_VL
    model_class = "Qwen2VLForConditionalGeneration"
    processor_class = "Qwen2VLProcessor"
    image_mean = (0.48145466, 0.4578275, 0.40821073)
    image_std = (0.26862954, 0.26130258, 0.27577711)

    @staticmethod
    def new_config(transformers: Any, new: NewModel) -> Config:  # noqa: ANN401
        vision = new.job.vision
        if vision.intermediate_size % vision.hidden_size:
            raise EngineFailure(
                "spec_refused",
                f"vision.intermediateSize of a Qwen2-VL must be a multiple of vision.hiddenSize {vision.hidden_size};"
                f" found {vision.intermediate_size}.",
                field_path="model.vision.intermediate_size",
                expected=f"a multiple of {vision.hidden_size}",
                found=vision.intermediate_size,
            )
        return transformers.Qwen2VLConfig(
            text_config=text_fields(new),
            vision_config={
                **vision_fields(new),
                "embed_dim": vision.hidden_size,
                "mlp_ratio": vision.intermediate_size // vision.hidden_size,
                "hidden_size": new.job.text.hidden_size,
            },
            **token_fields(new),
        )
