from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from longform_worker.engines.train import export, host_memory, loop, prove
from longform_worker.failure import EngineFailure
from longform_worker.jobs import Precision
from longform_worker.models.folder import refuse_model
from longform_worker.models.loaded import load_model
from longform_worker.models.tensors import TensorFiles, write_tensors
from longform_worker.wire import PhaseName
from recorded_link import RecordedLink
from tiny_world import training_job

FRESH = prove.prove_in_fresh_process


def test_a_trained_model_has_written_a_token_about_an_image_in_a_process_of_its_own(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proven: list[str] = []

    def watched(folder: Path, precision: Precision, asked: Callable[[], bool]) -> bool:
        proven.append(folder.name)
        return FRESH(folder, precision, asked)

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
        FRESH(folder, Precision.FLOAT32, lambda: False)
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


class Termed(RecordedLink):
    """Sends SIGTERM to this very process when the export begins."""

    def phase(self, name: PhaseName) -> None:
        super().phase(name)
        if name == "saving":
            os.kill(os.getpid(), signal.SIGTERM)


def test_a_training_whose_proof_fails_keeps_its_last_step_and_has_only_the_export_to_do_again(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = training_job(world, tmp_path, steps=3)

    def failing(folder: Path, _precision: Precision, _asked: Callable[[], bool]) -> bool:
        raise refuse_model(folder, "a model", "none")

    with monkeypatch.context() as patch, RecordedLink() as link:
        patch.setattr(export, "prove_in_fresh_process", failing)
        with pytest.raises(EngineFailure) as caught:
            loop.run(job, link)
    assert caught.value.code == "model_refused"
    assert not (tmp_path / "trained").exists()
    with RecordedLink() as link:
        loop.run(job, link)
        assert link.frames("step") == []
    load_model(tmp_path / "trained", Precision.FLOAT32)
    assert not (tmp_path / "checkpoints").exists()  # this training saves nothing of itself


def test_sigterm_in_the_export_is_a_preemption_and_publishes_nothing(world: Path, tmp_path: Path) -> None:
    with Termed() as link, pytest.raises(EngineFailure) as caught:
        loop.run(training_job(world, tmp_path, steps=2), link)
    saved = tmp_path / "checkpoints" / "step-00000002"
    assert (caught.value.code, caught.value.facts) == ("preempted", {"step": "2", "checkpoint": str(saved)})
    assert [folder.name for folder in tmp_path.iterdir()] == ["checkpoints"]


def test_sigterm_to_all_processes_of_a_training_ends_its_proof_as_a_preemption(world: Path, tmp_path: Path) -> None:
    # Signals go to a group; the training of this test must not be in that of the test.
    program = (
        "import os, signal, sys\n"
        "from longform_worker.engines.train import prove\n"
        "from longform_worker.jobs import Precision\n"
        "from pathlib import Path\n"
        "stop = []\n"
        "signal.signal(signal.SIGTERM, lambda *_: stop.append(1))\n"
        "seen = []\n"
        "def asked():\n"
        "    seen.append(1)\n"
        "    if len(seen) == 2: os.killpg(0, signal.SIGTERM)\n"
        "    return len(seen) > 4\n"
        "print(prove.prove_in_fresh_process(Path(sys.argv[1]), Precision.FLOAT32, asked), len(stop), len(seen))\n"
    )
    source = Path(__file__).parents[2] / "src"
    ran = subprocess.run(
        [sys.executable, "-c", program, str(world / "model")],
        env={**os.environ, "PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        check=True,
        start_new_session=True,
    )
    assert ran.stdout.split() == ["False", "1", "5"]


def test_a_proof_that_takes_too_long_is_refused_as_such(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prove, "PATIENCE_SECONDS", 0)
    with pytest.raises(EngineFailure) as caught:
        FRESH(world / "model", Precision.FLOAT32, lambda: False)
    assert caught.value.facts["found"] == "no token within 0 seconds"


def test_a_tied_head_that_the_files_hold_as_well_is_the_trained_embedding(world: Path, tmp_path: Path) -> None:
    base = tmp_path / "base"
    shutil.copytree(world / "model", base)
    (base / "manifest.json").unlink()
    config = json.loads((base / "config.json").read_text())
    for part in (config, config["text_config"]):
        part["tie_word_embeddings"] = True
    (base / "config.json").write_text(json.dumps(config))
    files = TensorFiles(base)
    tensors = {key: files.read(key) for key in files.keys()}  # noqa: SIM118
    (embedding,) = (key for key in tensors if key.endswith("embed_tokens.weight"))
    tensors["lm_head.weight"] = tensors[embedding].clone()
    write_tensors(tensors, base / "model.safetensors")
    with RecordedLink() as link:
        loop.run(training_job(world, tmp_path, steps=2, model_path=str(base)), link)
    made = TensorFiles(tmp_path / "trained")
    assert set(made.keys()) == set(tensors)
    assert not torch.equal(made.read(embedding), tensors[embedding])
    assert torch.equal(made.read("lm_head.weight"), made.read(embedding))


def test_of_the_base_only_what_a_model_needs_is_copied(world: Path, tmp_path: Path) -> None:
    base = tmp_path / "base"
    shutil.copytree(world / "model", base)
    for name in ("model.gguf", "model.onnx", "flax_model.msgpack", "tf_model.h5", "pytorch_model.bin", "README.md"):
        (base / name).write_bytes(b"0")
    for name in ("merges.txt", "tokenizer.model", "LICENSE"):
        (base / name).write_bytes(b"0")
    with RecordedLink() as link:
        loop.run(training_job(world, tmp_path, steps=1, model_path=str(base)), link)
    needed = {file.name for file in (world / "model").iterdir()} | {"merges.txt", "tokenizer.model", "LICENSE"}
    assert {file.name for file in (tmp_path / "trained").iterdir()} == needed


def test_a_model_too_large_to_open_beside_its_training_is_proven_by_its_shapes_and_says_so(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def unwanted(*_: object) -> bool:
        raise AssertionError("opened all the same")

    monkeypatch.setattr(export, "prove_in_fresh_process", unwanted)
    monkeypatch.setattr(export, "free_memory_bytes", lambda: 1_000_000)
    with RecordedLink() as link:
        loop.run(training_job(world, tmp_path, steps=1), link)
    assert "too large to be opened beside the training (1000000 bytes of memory are free" in capfd.readouterr().err
    assert (tmp_path / "trained").is_dir()


def test_free_memory_is_what_the_narrowest_control_group_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 9000 kB\nMemAvailable: 8000 kB\n")
    (tmp_path / "cgroup").write_text("0::/job/step\n")
    for name, limit in (("job", "5000"), ("job/step", "max")):
        group = tmp_path / "groups" / name
        group.mkdir(parents=True)
        (group / "memory.max").write_text(f"{limit}\n")
        (group / "memory.current").write_text("3000\n")
        (group / "memory.stat").write_text("anon 1\ninactive_file 500\n")
    for name, place in (("MEMORY", "meminfo"), ("GROUP", "cgroup"), ("GROUPS", "groups")):
        monkeypatch.setattr(host_memory, name, tmp_path / place)
    assert host_memory.free_memory_bytes() == 2500
    (tmp_path / "cgroup").write_text("3:memory:/job\n")
    assert host_memory.free_memory_bytes() == 8000 * 1024
