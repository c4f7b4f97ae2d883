"""The names of weights: in a model of transformers, and in the files of its folder, which are those of the hub."""

from __future__ import annotations

import importlib
from collections.abc import Collection, Mapping
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
    keys: dict[str, str] = {}
    for name, _ in model.named_parameters():
        names = _names_in_files(model, name)
        key = next((key for key in names if key in there), None)
        if key is None:
            raise refuse_model(folder, f"the weight {names[0]}", "no such tensor in its files")
        keys[name] = key
    return keys


def keys_of_tied(model: Model, keys: Mapping[str, str], there: Collection[str]) -> dict[str, str]:
    """The keys of further names of tied weights, where files hold such a weight twice: each with that of the first."""
    first: dict[int, str] = {}
    tied: dict[str, str] = {}
    for name, weight in model.named_parameters(remove_duplicate=False):
        if id(weight) in first:
            own = keys[first[id(weight)]]
            tied.update({key: own for key in _names_in_files(model, name) if key in there and key != own})
        first.setdefault(id(weight), name)
    return tied


def _names_in_files(model: Model, name: str) -> tuple[str, str]:
    """What a weight may be called in files: as the hub does, and as transformers does."""
    conversion: Any = importlib.import_module("transformers.core_model_loading")
    (renamed,) = conversion.revert_weight_conversion(model, {name: torch.empty(0, device="meta")})
    return renamed, name
