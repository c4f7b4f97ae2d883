"""Safetensors files, typed."""

from __future__ import annotations

import importlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

_LIBRARY: Any = importlib.import_module("safetensors.torch")
_OPEN: Any = importlib.import_module("safetensors").safe_open


class TensorFiles:
    """The tensors of all safetensors files of a folder, read one by one. Opening reads the files' headers alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: dict[str, Any] = {}
        for path in sorted(folder.glob("*.safetensors")):
            file: Any = _OPEN(path, "pt")
            self._files.update(dict.fromkeys(file.keys(), file))

    def keys(self) -> Sequence[str]:
        """Names of the tensors, file by file."""
        return list(self._files)

    def read(self, key: str) -> Tensor:
        """A tensor, on the CPU."""
        return self._files[key].get_tensor(key)

    def read_part(self, key: str, start: int, end: int) -> Tensor:
        """The numbers of a tensor from ``start`` to before ``end`` in one dimension, on the CPU."""
        shape = self.shape(key)
        if not shape or start >= end:
            return self.read(key).flatten()[start:end]
        row = math.prod(shape[1:])
        first = start // row
        rows: Tensor = self._files[key].get_slice(key)[first : -(-end // row)]
        return rows.flatten()[start - first * row : end - first * row]

    def numbers(self, key: str) -> int:
        """How many numbers a tensor holds."""
        return math.prod(self.shape(key))

    def shape(self, key: str) -> tuple[int, ...]:
        """Shape of a tensor."""
        return tuple(self._files[key].get_slice(key).get_shape())

    def is_float32(self, key: str) -> bool:
        """Whether a tensor's numbers have 32 bits."""
        return self._files[key].get_slice(key).get_dtype() == "F32"


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor in files, not read yet."""

    files: TensorFiles
    key: str

    def read(self) -> Tensor:
        """All of it, on the CPU."""
        return self.files.read(self.key)

    def part(self, start: int, end: int) -> Tensor:
        """Its numbers from ``start`` to before ``end``, counted row by row; reads the rows that hold them alone."""
        return self.files.read_part(self.key, start, end)


def read_tensors(file: Path) -> dict[str, Tensor]:
    """All tensors of a file, on the CPU."""
    return _LIBRARY.load_file(file)


def write_tensors(tensors: dict[str, Tensor], file: Path) -> None:
    """Write a file that everybody may read (the library makes files for their owner alone)."""
    _LIBRARY.save_file(tensors, file, metadata={"format": "pt"})
    file.chmod(0o644)
