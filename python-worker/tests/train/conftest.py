from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from longform_worker.engines.train import export, prove
from longform_worker.engines.train.attention import rows_attention
from longform_worker.jobs import Precision
from longform_worker.models.loaded import LoadedModel, load_model
from tiny_world import import_all, make, source_rows


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with rows.jsonl, blobs and model; not to be changed."""
    folder = tmp_path_factory.mktemp("world")
    make(folder / "model", import_all(folder, source_rows(24)))
    return folder


@pytest.fixture(scope="session")
def loaded(world: Path) -> LoadedModel:
    """The world's model, opened for training."""
    return load_model(world / "model", Precision.FLOAT32, rows_attention())


@pytest.fixture(autouse=True)
def _proof_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    """A fresh process for the proof of every trained model would take longer than its training."""
    monkeypatch.setattr(export, "prove_in_fresh_process", _prove)


def _prove(folder: Path, precision: Precision, _asked: Callable[[], bool]) -> bool:
    prove.prove(folder, precision)
    return True
