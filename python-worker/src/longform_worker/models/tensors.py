"""Safetensors files, typed."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from torch import Tensor

_LIBRARY: Any = importlib.import_module("safetensors.torch")


def read_tensors(file: Path) -> dict[str, Tensor]:
    """All tensors of a file, on the CPU."""
    return _LIBRARY.load_file(file)


def write_tensors(tensors: dict[str, Tensor], file: Path) -> None:
    """Write a file that everybody may read (the library makes files for their owner alone)."""
    _LIBRARY.save_file(tensors, file, metadata={"format": "pt"})
    file.chmod(0o644)
