"""The model folder that a training starts from, as far as what it leaves behind is made of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from longform_worker.jobs import Precision
from longform_worker.models.folder import small_files
from longform_worker.models.keys import keys_of_tied, keys_of_weights
from longform_worker.models.loaded import LoadedModel
from longform_worker.models.tensors import TensorFiles


@dataclass(frozen=True, slots=True)
class Base:
    """Its tensors, the key of every weight of the opened model by name, and the number format of what is written.

    ``tied`` are keys under which files hold a weight a second time, each with its first key.
    """

    tensors: TensorFiles
    keys: Mapping[str, str]
    tied: Mapping[str, str]
    precision: Precision

    @classmethod
    def of(cls, loaded: LoadedModel, precision: Precision) -> Base:
        """Of a model just opened. Raises EngineFailure (model_refused) for a weight that is in no file."""
        tensors = TensorFiles(loaded.folder)
        keys = keys_of_weights(loaded.model, loaded.folder, tensors.keys())
        return cls(tensors, keys, keys_of_tied(loaded.model, keys, tensors.keys()), precision)

    @property
    def numbers(self) -> int:
        """How many numbers all its tensors hold."""
        return sum(self.tensors.numbers(key) for key in self.tensors.keys())  # noqa: SIM118

    def copy_small_files(self, folder: Path) -> None:
        """Config, tokenizer, template and processor as they are, but for the number format that the config names."""
        for file in small_files(self.tensors.folder):
            shutil.copyfile(file, folder / file.name)
        _record_precision(folder / "config.json", self.precision)


def _record_precision(file: Path, precision: Precision) -> None:
    config: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    name = str(precision).removeprefix("PRECISION_").lower()
    for part in (config, config.get("text_config", {}), config.get("vision_config", {})):
        part["torch_dtype" if "torch_dtype" in part else "dtype"] = name
    file.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
