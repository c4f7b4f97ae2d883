from __future__ import annotations

import json
from pathlib import Path

import pytest

from longform_worker.engines.train import export, loop, prove
from longform_worker.failure import EngineFailure
from longform_worker.jobs import Precision
from longform_worker.models.loaded import load_model
from longform_worker.models.tensors import TensorFiles
from recorded_link import RecordedLink
from tiny_world import training_job

FRESH = prove.prove_in_fresh_process


def test_a_trained_model_has_written_a_token_about_an_image_in_a_process_of_its_own(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proven: list[str] = []

    def watched(folder: Path, precision: Precision) -> None:
        FRESH(folder, precision)
        proven.append(folder.name)

    monkeypatch.setattr(export, "prove_in_fresh_process", watched)
    with RecordedLink() as link:
        loop.run(training_job(world, tmp_path, steps=1), link)
    assert len(proven) == 1
    assert proven[0].startswith("trained.partial-")  # nothing unproven is ever in its place


def test_a_folder_that_does_not_write_is_refused_with_the_reason(world: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for file in (world / "model").iterdir():
        if file.name != "manifest.json":
            (folder / file.name).write_bytes(file.read_bytes())
    (folder / "chat_template.jinja").write_text("no place for an image")
    with pytest.raises(EngineFailure) as caught:
        FRESH(folder, Precision.FLOAT32)
    assert caught.value.code == "model_refused"
    assert "does not write one placeholder for each image" in caught.value.facts["found"]


def test_a_large_model_is_written_as_several_files_with_their_index(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "SHARD_BYTES", 100_000)
    with RecordedLink() as link:
        loop.run(training_job(world, tmp_path, steps=1), link)
    files = sorted(file.name for file in (tmp_path / "trained").glob("*.safetensors"))
    assert len(files) > 2
    assert files[0] == f"model-00001-of-{len(files):05d}.safetensors"
    index = json.loads((tmp_path / "trained" / "model.safetensors.index.json").read_text())
    assert set(index["weight_map"].values()) == set(files)
    assert set(index["weight_map"]) == set(TensorFiles(world / "model").keys())
    load_model(tmp_path / "trained", Precision.FLOAT32)
