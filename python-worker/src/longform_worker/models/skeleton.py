"""A model without its weights: every module and buffer is there, and parameters have shapes alone."""

from __future__ import annotations

import importlib
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from longform_worker.models.adapter import Model
from longform_worker.models.folder import refuse_model
from longform_worker.models.loaded import ModelFolder, transformers_library


def empty_model(opened: ModelFolder, text_attention: str) -> Model:
    """The model of a folder with its parameters on the meta device, for whoever fills them one by one.

    Raises EngineFailure (model_refused) for a config that no model can be made of.
    """
    model_class: Any = getattr(transformers_library(), opened.adapter.model_class)
    initialization: Any = importlib.import_module("transformers.initialization")
    attention = {"text_config": text_attention, "vision_config": "sdpa"}
    try:
        # Buffers are computed while modules are made; only drawing random weights is left out.
        with initialization.no_init_weights(), _parameters_without_numbers():
            model = model_class._from_config(opened.config, attn_implementation=attention)
        model.tie_weights(recompute_mapping=False)
    except (ValueError, TypeError, RuntimeError) as error:
        raise refuse_model(opened.folder / "config.json", "the shape of a model", str(error)) from error
    return model


@contextmanager
def _parameters_without_numbers() -> Generator[None]:
    register = nn.Module.register_parameter

    def without_numbers(self: nn.Module, name: str, param: nn.Parameter | None) -> None:
        bare = param
        if param is not None and param.device.type != "meta":
            bare = nn.Parameter(torch.empty_like(param, device="meta"), requires_grad=param.requires_grad)
        register(self, name, bare)

    nn.Module.register_parameter = without_numbers
    try:
        yield
    finally:
        nn.Module.register_parameter = register
