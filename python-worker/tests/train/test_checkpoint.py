from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from longform_worker.engines.train import loop
from longform_worker.engines.train.backend.ranks import Ranks
from longform_worker.engines.train.checkpoint import find_checkpoint
from longform_worker.failure import EngineFailure
from longform_worker.jobs import ModelPart, Precision, TrainingJob
from longform_worker.models.folder import read_manifest
from longform_worker.models.loaded import load_model
from longform_worker.models.tensors import TensorFiles
from recorded_link import RecordedLink
from tiny_world import training_job

ALONE = Ranks(0, 0, 1)


def run(job: TrainingJob) -> None:
    with RecordedLink() as link:
        loop.run(job, link)


@pytest.fixture(scope="module")
def checkpoints(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoints of steps 2 and 4 of one training; to be copied."""
    out = tmp_path_factory.mktemp("checkpoints")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "export_model", _export_nothing)
        patch.setattr(loop, "export_log", _export_nothing)
        run(training_job(world, out, steps=4, checkpoint_every_steps=2))
    return out / "checkpoints"


def _export_nothing(*_: object) -> str:
    return ""


def first(folder: Path, pattern: str) -> Path:
    return sorted(folder.glob(pattern))[0]


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-3])


def flip(file: Path) -> None:
    body = bytearray(file.read_bytes())
    body[len(body) // 2] ^= 1
    file.write_bytes(body)


def count_on(file: Path) -> None:
    file.write_text(file.read_text().replace('"step": 4,', '"step": 5,'))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "weights cut": lambda folder: cut(first(folder, "model-*.safetensors")),
    "weights missing": lambda folder: first(folder, "model-*.safetensors").unlink(),
    "a byte of the weights flipped": lambda folder: flip(first(folder, "model-*.safetensors")),
    "moments cut": lambda folder: cut(first(folder, "optimizer/*.safetensors")),
    "a byte of the moments flipped": lambda folder: flip(first(folder, "optimizer/*.safetensors")),
    "config missing": lambda folder: (folder / "config.json").unlink(),
    "no manifest": lambda folder: (folder / "manifest.json").unlink(),
    "manifest cut": lambda folder: cut(folder / "manifest.json"),
    "manifest empty": lambda folder: (folder / "manifest.json").write_text(""),
    "another step in the manifest": lambda folder: count_on(folder / "manifest.json"),
    "written half": lambda folder: folder.rename(folder.with_name("step-00000004.partial-1")),
}


@pytest.mark.parametrize("damage", list(DAMAGES))
def test_a_damaged_checkpoint_is_never_gone_on_from(
    checkpoints: Path, world: Path, tmp_path: Path, damage: str
) -> None:
    shutil.copytree(checkpoints, tmp_path / "checkpoints")
    job = training_job(world, tmp_path)
    identity = str(read_manifest(checkpoints / "step-00000004")["training"])
    whole = find_checkpoint(ALONE, job, identity)
    assert whole is not None
    assert whole.counters.step == 4
    DAMAGES[damage](tmp_path / "checkpoints" / "step-00000004")
    found = find_checkpoint(ALONE, job, identity)
    assert found is not None
    assert found.folder.name == "step-00000002"
    assert found.counters.step == 2


def test_newer_checkpoints_that_are_damaged_go_and_never_the_one_just_written(
    checkpoints: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "export_model", _export_nothing)
    monkeypatch.setattr(loop, "export_log", _export_nothing)
    folder = tmp_path / "checkpoints"
    shutil.copytree(checkpoints, folder)
    flip(first(folder / "step-00000004", "model-*.safetensors"))
    for name in ("step-00000008", "step-00000009"):
        shutil.copytree(folder / "step-00000004", folder / name)
    run(training_job(world, tmp_path, steps=4, checkpoint_every_steps=1))
    assert sorted(found.name for found in folder.iterdir()) == ["step-00000003", "step-00000004"]
    found = find_checkpoint(ALONE, training_job(world, tmp_path), _training(folder / "step-00000003"))
    assert found is not None
    assert found.counters.step == 4


def test_a_manifest_that_the_disk_does_not_give_is_no_damage(
    checkpoints: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(checkpoints, tmp_path / "checkpoints")

    def unanswered(*_: object, **__: object) -> str:
        raise OSError(errno.ESTALE, "Stale file handle")

    monkeypatch.setattr(Path, "read_text", unanswered)
    with pytest.raises(EngineFailure) as caught:
        find_checkpoint(ALONE, training_job(world, tmp_path), "x")
    assert caught.value.code == "model_refused"
    assert len(list((tmp_path / "checkpoints").iterdir())) == 2


def _training(folder: Path) -> str:
    return str(read_manifest(folder)["training"])


def test_a_training_without_a_whole_checkpoint_starts_anew(checkpoints: Path, world: Path, tmp_path: Path) -> None:
    shutil.copytree(checkpoints, tmp_path / "checkpoints")
    for folder in (tmp_path / "checkpoints").iterdir():
        cut(folder / "manifest.json")
    assert find_checkpoint(ALONE, training_job(world, tmp_path), "x") is None
    assert not list((tmp_path / "checkpoints").iterdir())


def test_a_checkpoint_holds_no_frozen_weight_and_is_small_in_proportion(world: Path, tmp_path: Path) -> None:
    frozen = {"full": {"frozen_parts": [ModelPart.LANGUAGE]}}
    run(training_job(world, tmp_path, steps=2, checkpoint_every_steps=2, tuning=frozen))
    kept = TensorFiles(tmp_path / "checkpoints" / "step-00000002")
    loaded = load_model(world / "model", Precision.FLOAT32)
    trained = [
        weight.numel()
        for name, weight in loaded.model.named_parameters()
        if loaded.adapter.part_of(name) is not ModelPart.LANGUAGE
    ]
    keys = kept.keys()
    assert len(keys) == len(trained)
    assert all("visual" in key for key in keys)
    assert sum(kept.numbers(key) for key in keys) == sum(trained)


def test_what_changes_no_more_than_rounding_is_no_part_of_what_a_training_is(world: Path, tmp_path: Path) -> None:
    job = training_job(world, tmp_path)
    same = [
        replace(job, zero=replace(job.zero, stage=3, offload_optimizer=True)),
        replace(job, tokens_per_pass=7, head_chunk_tokens=9, gradient_checkpointing=True),
        replace(job, checkpoint_every_steps=3, tensorboard_path="board", output_path="x", checkpoint_path="y"),
    ]
    other = [
        replace(job, seed=8),
        replace(job, steps=7),
        replace(job, precision=Precision.BFLOAT16),
        replace(job, optimizer=replace(job.optimizer, beta2=0.9)),
    ]
    identity = loop._identity  # pyright: ignore[reportPrivateUsage]
    assert {identity(one, ranks) for one in same for ranks in (1, 2)} == {identity(job, 1)}
    assert identity(job, 1) not in {identity(one, 1) for one in other}
    assert len({identity(one, 1) for one in other}) == len(other)


def test_where_adapters_drop_inputs_the_split_is_part_of_what_a_training_is(world: Path, tmp_path: Path) -> None:
    settings = {"rank": 4, "alpha": 8.0, "targets": ["MODEL_PART_LANGUAGE"], "layers": "ADAPTER_LAYERS_ALL"}
    identity = loop._identity  # pyright: ignore[reportPrivateUsage]
    for dropout, kinds in ((0.0, 1), (0.1, 4)):
        job = training_job(world, tmp_path, tuning={"lora": {**settings, "dropout": dropout}})
        jobs = (job, replace(job, tokens_per_pass=7))
        assert len({identity(one, ranks) for one in jobs for ranks in (1, 2)}) == kinds


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "chat_template.jinja", "preprocessor_config.json"])
def test_a_training_of_a_model_with_another_file_is_another_one(world: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(world / "model", tmp_path / "model")
    job = training_job(world, tmp_path)
    identity = loop._identity  # pyright: ignore[reportPrivateUsage]
    assert identity(replace(job, model_path=str(tmp_path / "model")), 1) == identity(job, 1)
    (tmp_path / "model" / name).write_text((world / "model" / name).read_text() + " ")
    assert identity(replace(job, model_path=str(tmp_path / "model")), 1) != identity(job, 1)


def test_nothing_in_a_checkpoint_is_pickled_and_it_has_what_a_model_folder_needs(
    checkpoints: Path, world: Path
) -> None:
    folder = checkpoints / "step-00000004"
    assert {file.suffix for file in folder.rglob("*") if file.is_file()} <= {".json", ".safetensors", ".jinja"}
    for name in ("tokenizer.json", "generation_config.json", "chat_template.jinja", "preprocessor_config.json"):
        assert (folder / name).read_bytes() == (world / "model" / name).read_bytes()
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    assert set(index["weight_map"]) == set(TensorFiles(world / "model").keys())
    load_model(folder, Precision.FLOAT32)
