from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from longform_worker.failure import EngineFailure
from longform_worker.jobs import Precision
from longform_worker.models.folder import (
    check_vision_policy,
    clear_unpublished,
    publishing,
    read_manifest,
    weights_sha256,
)
from longform_worker.models.loaded import load_model
from longform_worker.models.tensors import read_tensors, write_tensors
from tiny_world import policy, verify_files


@pytest.fixture
def folder(world: Path, tmp_path: Path) -> Path:
    """A copy of the model that a test may damage; without a manifest, as from a hub."""
    shutil.copytree(world / "model", tmp_path / "model")
    (tmp_path / "model" / "manifest.json").unlink()
    return tmp_path / "model"


def refused(folder: Path) -> EngineFailure:
    with pytest.raises(EngineFailure) as caught:
        load_model(folder, Precision.FLOAT32)
    assert caught.value.code == "model_refused"
    return caught.value


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_folder_without_a_part_is_refused_by_the_files_name(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert refused(folder).facts["file"] == str(folder / name)


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path / "gone").facts["file"] == str(tmp_path / "gone")


def test_pickled_weights_are_refused_by_the_files_name(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    failure = refused(folder)
    assert failure.facts["file"] == str(folder / "pytorch_model.bin")
    assert "pickled" in failure.facts["found"]


def test_another_architecture_is_refused(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "llama"}))
    assert refused(folder).facts["found"] == "'llama'"


def test_weights_that_do_not_fit_the_config_are_refused(folder: Path) -> None:
    weights = read_tensors(folder / "model.safetensors")
    del weights["lm_head.weight"]
    write_tensors(weights, folder / "model.safetensors")
    assert "lm_head.weight" in refused(folder).facts["found"]


def test_weights_cut_short_are_refused(world: Path, folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    assert refused(folder)
    shutil.copyfile(world / "model" / "manifest.json", folder / "manifest.json")
    assert refused(folder).facts["file"] == str(file)


def test_a_folder_without_a_template_or_with_an_endless_turn_is_refused(folder: Path) -> None:
    generation = folder / "generation_config.json"
    generation.write_text(generation.read_text().replace("[", "[1, ").replace("eos_token_id", "other"))
    assert "end of turn" in refused(folder).facts["expected"]
    (folder / "chat_template.jinja").unlink()
    assert "chat template" in refused(folder).facts["expected"]


def test_a_hash_does_not_depend_on_how_weights_are_split_into_files(world: Path, folder: Path) -> None:
    whole = weights_sha256(folder)
    assert whole == read_manifest(world / "model")["weights_sha256"]
    weights = read_tensors(folder / "model.safetensors")
    names = sorted(weights)
    (folder / "model.safetensors").unlink()
    write_tensors({name: weights[name] for name in names[::2]}, folder / "model-1.safetensors")
    write_tensors({name: weights[name] for name in names[1::2]}, folder / "model-2.safetensors")
    assert weights_sha256(folder) == whole
    weights[names[0]].view(-1)[0] += 1
    write_tensors({name: weights[name] for name in names[::2]}, folder / "model-1.safetensors")
    assert weights_sha256(folder) != whole


def test_another_vision_policy_is_refused_naming_both(world: Path, folder: Path) -> None:
    check_vision_policy(world / "model", policy(), "training.vision_policy")
    other = replace(policy(), max_pixels=9 * 784)
    check_vision_policy(folder, other, "training.vision_policy")  # a hub's folder records none
    with pytest.raises(EngineFailure) as caught:
        check_vision_policy(world / "model", other, "training.vision_policy")
    assert caught.value.field_path == "training.vision_policy"
    assert '"max_pixels": 3136' in caught.value.facts["expected"]
    assert '"max_pixels": 7056' in caught.value.facts["found"]


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "made"
    with pytest.raises(FileNotFoundError), publishing(target, {}) as folder:
        (folder / "gone" / "a.txt").write_text("a")
    assert list(tmp_path.iterdir()) == []
    facts: dict[str, object] = {"kind": "model"}
    with publishing(target, facts) as folder:
        (folder / "sub").mkdir()
        (folder / "sub" / "a.txt").write_text("a")
        assert not target.exists()
        facts["late"] = 1
    assert read_manifest(target)["late"] == 1
    assert read_manifest(target)["files"]["sub/a.txt"]["bytes"] == 1
    assert verify_files(target)
    with publishing(target, {}) as folder:
        (folder / "b.txt").write_text("b")
    assert sorted(file.name for file in target.iterdir()) == ["b.txt", "manifest.json"]
    (target / "b.txt").write_text("c")
    assert not verify_files(target)
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_that_gave_way_to_one_that_never_came_is_put_back(tmp_path: Path) -> None:
    for name in ("made.partial-1", "made.replaced-1", "kept", "kept.replaced-1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text(name)
    clear_unpublished(tmp_path, "made")
    clear_unpublished(tmp_path, "kept")
    assert sorted(folder.name for folder in tmp_path.iterdir()) == ["kept", "made"]
    assert (tmp_path / "made" / "a.txt").read_text() == "made.replaced-1"
    assert (tmp_path / "kept" / "a.txt").read_text() == "kept"


def test_every_folder_that_is_published_is_on_the_disk_with_its_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    with publishing(tmp_path / "made", {}) as folder:
        (folder / "inner" / "innermost").mkdir(parents=True)
        (folder / "inner" / "innermost" / "a.txt").write_text("a")
    assert {"inner", "innermost", "a.txt", "manifest.json", folder.name, tmp_path.name} == set(synced)
