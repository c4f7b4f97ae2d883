"""The names of weights: in a model of transformers, and in the files of its folder, which are those of the hub."""

from __future__ import annotations

import importlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch

from longform_worker.models.adapter import Model
from longform_worker.models.folder import refuse_model


def keys_of_weights(model: Model, folder: Path, there: Collection[str]) -> dict[str, str]:
    """The key in the folder's files of every parameter of the model, by the parameter's name.

    ``there`` are the keys that the files have. A tied weight has the key of its first name. Raises EngineFailure
    (model_refused) when a parameter is in no file.
    """
    conversion: Any = importlib.import_module("transformers.core_model_loading")
    nothing = torch.empty(0, device="meta")
    keys: dict[str, str] = {}
    for name, _ in model.named_parameters():
        (renamed,) = conversion.revert_weight_conversion(model, {name: nothing})
        key = next((key for key in (renamed, name) if key in there), None)
        if key is None:
            raise refuse_model(folder, f"the weight {renamed}", "no such tensor in its files")
        keys[name] = key
    return keys
