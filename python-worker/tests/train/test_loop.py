from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from longform_worker.engines.train import loop
from longform_worker.failure import EngineFailure
from longform_worker.jobs import Gate, GateMetric, Precision, TrainingJob
from longform_worker.models.folder import read_manifest, weights_sha256
from longform_worker.models.loaded import load_model
from longform_worker.models.tensors import TensorFiles, read_tensors
from longform_worker.wire import PhaseName
from recorded_link import RecordedLink
from tiny_world import training_fields, training_job, verify_files


@dataclass
class Ran:
    result: dict[str, Any]
    frames: dict[str, list[dict[str, Any]]]


def run(job: TrainingJob) -> Ran:
    with RecordedLink() as link:
        result: Any = loop.run(job, link)
        types = ("phase", "rows_planned", "step", "gate", "checkpoint")
        return Ran(result["trained"], {type_: link.frames(type_) for type_ in types})


def refused(job: TrainingJob) -> EngineFailure:
    with RecordedLink() as link, pytest.raises(EngineFailure) as caught:
        loop.run(job, link)
    return caught.value


def gate(world: Path, at_least: float, extra_rounds: int) -> Gate:
    return Gate(
        rows_path=str(world / "rows.jsonl"),
        metric=GateMetric.EXACT_MATCH,
        at_least=at_least,
        every_steps=2,
        extra_rounds=extra_rounds,
    )


def leave_free(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    """Has every disk show as many bytes free."""
    usage = shutil.disk_usage("/")

    def disk_usage(_: Path) -> object:
        return usage._replace(free=free)

    monkeypatch.setattr(shutil, "disk_usage", disk_usage)


def one_checkpoint(world: Path) -> int:
    """Bytes of the weights and of two moments of each."""
    loaded = load_model(world / "model", Precision.FLOAT32)
    return 3 * 4 * sum(weight.numel() for weight in loaded.model.parameters())


def losses(frames: list[dict[str, Any]]) -> list[float]:
    return [frame["loss"] for frame in frames]


def test_a_training_tells_its_steps_and_leaves_a_model_that_opens(world: Path, tmp_path: Path) -> None:
    ran = run(training_job(world, tmp_path))
    assert [frame["phase"] for frame in ran.frames["phase"]] == [
        f"PHASE_{name}" for name in ("LOADING", "PLANNING", "RUNNING", "SAVING")
    ]
    (planned,) = ran.frames["rows_planned"]
    assert planned["rows"] == 24
    assert 0 < planned["target_tokens"] < planned["tokens"]
    steps = ran.frames["step"]
    assert [frame["step"] for frame in steps] == [1, 2, 3, 4, 5, 6]
    assert losses(steps)[-1] < losses(steps)[0]
    for frame in steps:
        assert frame["steps"] == 6
        assert frame["tokens"] > frame["target_tokens"] > 0
        seconds = [frame[f"{phase}_seconds"] for phase in ("data", "forward", "backward", "update")]
        assert all(second > 0 for second in seconds)
        assert frame["peak_memory_bytes"] > 100_000_000
    assert ran.result["steps"] == 6
    assert ran.result["final_loss"] == losses(steps)[-1]
    assert ran.result["target_tokens"] == sum(frame["target_tokens"] for frame in steps)
    assert "gate_value" not in ran.result

    folder = tmp_path / "trained"
    base = world / "model"
    assert {file.name for file in folder.iterdir()} == {file.name for file in base.iterdir()}
    for name in ("tokenizer.json", "tokenizer_config.json", "preprocessor_config.json", "chat_template.jinja"):
        assert (folder / name).read_bytes() == (base / name).read_bytes()
    manifest = read_manifest(folder)
    assert verify_files(folder)
    assert manifest["weights_sha256"] == ran.result["weights_sha256"] == weights_sha256(folder)
    assert manifest["vision_policy"] == read_manifest(base)["vision_policy"]
    assert manifest["prompt_layout"] == "PROMPT_LAYOUT_IMAGES_FIRST"
    load_model(folder, Precision.FLOAT32)
    assert not (tmp_path / "checkpoints").exists()
    again = run(training_job(folder.parent.parent / world.name, tmp_path / "again"))
    assert again.result["weights_sha256"] == ran.result["weights_sha256"]


def test_losses_of_a_seeded_training_are_those_recorded(world: Path, tmp_path: Path) -> None:
    recorded = json.loads((Path(__file__).parent / "recorded_losses.json").read_text())
    ran = run(training_job(world, tmp_path, steps=20))
    assert losses(ran.frames["step"]) == pytest.approx(recorded, rel=1e-3)


def test_bfloat16_training_leaves_bfloat16_weights(world: Path, tmp_path: Path) -> None:
    run(training_job(world, tmp_path, steps=2, precision="PRECISION_BFLOAT16", checkpoint_every_steps=2))
    exported = read_tensors(tmp_path / "trained" / "model.safetensors")
    assert {tensor.dtype for tensor in exported.values()} == {torch.bfloat16}
    kept = TensorFiles(tmp_path / "checkpoints" / "step-00000002")
    assert {kept.read(key).dtype for key in kept.keys()} == {torch.float32}  # noqa: SIM118
    assert json.loads((tmp_path / "trained" / "config.json").read_text())["dtype"] == "bfloat16"


def start(fields: Mapping[str, object], folder: Path) -> subprocess.Popen[str]:
    (folder / "job.json").write_text(json.dumps(fields))
    source = Path(__file__).parents[2] / "src"
    return subprocess.Popen(
        [sys.executable, "-m", "longform_worker.engines.train", str(folder / "job.json")],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"},
    )


def frames_until(process: subprocess.Popen[str], type_: str, number: int) -> list[dict[str, Any]]:
    """Frames up to the ``number``-th of a type; the process is then still running."""
    assert process.stdout is not None
    frames: list[dict[str, Any]] = []
    for line in process.stdout:
        frames.append(json.loads(line))
        if sum(frame["type"] == type_ for frame in frames) == number:
            return frames
    raise AssertionError(f"ended before {number} x {type_}: {frames[-1:]}")


def test_a_killed_training_goes_on_from_its_last_checkpoint_and_ends_with_the_same_weights(
    world: Path, tmp_path: Path
) -> None:
    # 24 rows, 4 a step: an epoch is 6 steps, a bucket 8, so the kill lies in the middle of both.
    changes = {"steps": 60, "checkpoint_every_steps": 5}
    undisturbed = run(training_job(world, tmp_path / "whole", **changes))
    fields = training_fields(world, tmp_path, **changes)
    with start(fields, tmp_path) as first:
        seen = frames_until(first, "step", 18)
        first.kill()
    assert not (tmp_path / "trained").exists()
    kept = sorted(folder.name for folder in (tmp_path / "checkpoints").glob("step-????????"))
    assert len(kept) <= 2
    # The newest is damaged: the one before it counts.
    (tmp_path / "checkpoints" / kept[-1] / "model-00000-00000.safetensors").write_bytes(b"")
    second = run(training_job(world, tmp_path, **changes))
    resumed_at = int(kept[-2].removeprefix("step-"))
    assert [frame["step"] for frame in second.frames["step"]] == list(range(resumed_at + 1, 61))
    expected = losses(undisturbed.frames["step"])
    assert losses([frame for frame in seen if frame["type"] == "step"])[:18] == expected[:18]
    assert losses(second.frames["step"]) == expected[resumed_at:]
    assert second.result == undisturbed.result
    assert weights_sha256(tmp_path / "trained") == weights_sha256(tmp_path / "whole" / "trained")


def test_a_checkpoint_opens_as_a_model_of_its_own(world: Path, tmp_path: Path) -> None:
    run(training_job(world, tmp_path, steps=4, checkpoint_every_steps=2))
    folders = sorted((tmp_path / "checkpoints").iterdir())
    assert [folder.name for folder in folders] == ["step-00000002", "step-00000004"]
    load_model(folders[0], Precision.FLOAT32)
    assert weights_sha256(folders[1]) == weights_sha256(tmp_path / "trained")
    assert not [file for file in folders[0].rglob("*") if file.suffix in (".bin", ".pt", ".pkl")]


def test_without_an_agent_a_training_that_is_asked_to_end_says_so_by_its_exit_code(world: Path, tmp_path: Path) -> None:
    with start(training_fields(world, tmp_path, steps=5_000), tmp_path) as process:
        frames_until(process, "step", 2)
        process.terminate()
        assert process.stdout is not None
        last = json.loads(process.stdout.readlines()[-1])
        assert process.wait(60) == 75
    assert (last["type"], last["code"]) == ("failed", "FAILURE_CODE_PREEMPTED")
    assert Path(last["facts"]["checkpoint"]).name == f"step-{int(last['facts']['step']):08d}"


class StoppingLink(RecordedLink):
    """Sends SIGTERM to this very process at the fourth step, and again when the checkpoint is written."""

    def send(self, type_: str, /, **fields: object) -> None:
        super().send(type_, **fields)
        if type_ in ("step", "checkpoint") and fields["step"] == 4:
            os.kill(os.getpid(), signal.SIGTERM)


def test_sigterm_ends_after_the_step_with_nothing_half_written(world: Path, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with StoppingLink() as link, pytest.raises(EngineFailure) as caught:
        loop.run(training_job(world, tmp_path, steps=50, checkpoint_every_steps=4), link)
    assert caught.value.code == "preempted"
    saved = tmp_path / "checkpoints" / "step-00000004"
    assert caught.value.facts == {"step": "4", "checkpoint": str(saved)}
    assert [frame["step"] for frame in link.frames("step")] == [1, 2, 3, 4]
    assert [folder.name for folder in (tmp_path / "checkpoints").iterdir()] == ["step-00000004"]
    assert not (tmp_path / "trained").exists()
    assert signal.getsignal(signal.SIGTERM) is before


def test_sigterm_saves_what_no_checkpoint_holds_yet_and_the_training_goes_on_from_there(
    world: Path, tmp_path: Path
) -> None:
    undisturbed = run(training_job(world, tmp_path / "whole", steps=9))
    with StoppingLink() as link, pytest.raises(EngineFailure):
        loop.run(training_job(world, tmp_path, steps=9), link)
    folder = tmp_path / "checkpoints" / "step-00000004"
    assert link.frames("checkpoint") == [{"type": "checkpoint", "step": 4, "path": str(folder)}]
    # How often a training saves is no part of what it is.
    resumed = run(training_job(world, tmp_path, steps=9, checkpoint_every_steps=7))
    assert [frame["step"] for frame in resumed.frames["step"]] == [5, 6, 7, 8, 9]
    assert losses(resumed.frames["step"]) == losses(undisturbed.frames["step"])[4:]
    assert resumed.result == undisturbed.result


class EagerLink(RecordedLink):
    """Sends SIGTERM to this very process before the first step."""

    def phase(self, name: PhaseName) -> None:
        super().phase(name)
        if name == "running":
            os.kill(os.getpid(), signal.SIGTERM)


def test_sigterm_before_the_first_step_after_a_resumption_names_the_checkpoint_gone_on_from(
    world: Path, tmp_path: Path
) -> None:
    for link in (StoppingLink(), EagerLink()):
        with link, pytest.raises(EngineFailure) as caught:
            loop.run(training_job(world, tmp_path, steps=9), link)
        saved = tmp_path / "checkpoints" / "step-00000004"
        assert (caught.value.code, caught.value.facts) == ("preempted", {"step": "4", "checkpoint": str(saved)})


def test_sigterm_ends_without_a_checkpoint_that_the_disk_has_no_room_for(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_free(monkeypatch, one_checkpoint(world) - 1)
    with StoppingLink() as link, pytest.raises(EngineFailure) as caught:
        loop.run(training_job(world, tmp_path), link)
    assert (caught.value.code, caught.value.facts["checkpoint"]) == ("preempted", "")
    assert not (tmp_path / "checkpoints").exists()


def test_what_a_killed_training_left_half_written_is_removed_at_the_start(world: Path, tmp_path: Path) -> None:
    for name in (
        "trained.partial-1",
        "trained.replaced-1",
        "checkpoints/step-00000003.partial-1",
        "trained-too.partial-1",
    ):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "model.safetensors").write_bytes(b"0")
    with StoppingLink() as link, pytest.raises(EngineFailure):
        loop.run(training_job(world, tmp_path), link)
    names = sorted(folder.name for folder in tmp_path.iterdir())
    assert names == ["checkpoints", "trained", "trained-too.partial-1"]  # what had given way is back
    assert [folder.name for folder in (tmp_path / "checkpoints").iterdir()] == ["step-00000004"]


def test_a_checkpoint_of_another_training_is_refused(world: Path, tmp_path: Path) -> None:
    run(training_job(world, tmp_path, checkpoint_every_steps=3))
    failure = refused(training_job(world, tmp_path, checkpoint_every_steps=3, seed=8))
    assert (failure.code, failure.field_path) == ("spec_refused", "training.checkpoint_path")


def test_a_gate_that_never_passes_adds_whole_rounds_and_then_fails(world: Path, tmp_path: Path) -> None:
    job = replace(training_job(world, tmp_path, steps=3), gate=gate(world, 1.0, 1))
    with RecordedLink() as link, pytest.raises(EngineFailure) as caught:
        loop.run(job, link)
    steps, gates = link.frames("step"), link.frames("gate")
    assert [frame["steps"] for frame in steps] == [3, 3, 3, 6, 6, 6]
    rates = [frame["learning_rate"] for frame in steps]
    assert rates[:3] == rates[3:]
    assert [frame["step"] for frame in gates] == [2, 3, 4, 6]
    assert not any(frame["passed"] for frame in gates)
    assert caught.value.code == "gate_missed"
    assert caught.value.facts["expected"] == "at least 1.0"
    assert caught.value.detail.endswith("Raise steps or gate.extraRounds.")
    assert caught.value.facts["found"] == str(gates[-1]["value"])
    assert [folder.name for folder in (tmp_path / "checkpoints").iterdir()] == ["step-00000006"]
    assert not (tmp_path / "trained").exists()


def test_a_gate_that_passes_early_does_not_cut_the_schedule(world: Path, tmp_path: Path) -> None:
    job = replace(training_job(world, tmp_path, steps=3), gate=gate(world, 0.0, 1))
    ran = run(job)
    assert ran.result["steps"] == 3
    assert ran.result["gate_value"] == ran.frames["gate"][-1]["value"]
    assert all(frame["passed"] and frame["at_least"] == 0 for frame in ran.frames["gate"])


def test_the_disk_is_looked_at_before_the_first_step(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_free(monkeypatch, 1_500_000)
    run(training_job(world, tmp_path / "small"))
    failure = refused(training_job(world, tmp_path, checkpoint_every_steps=3))
    assert failure.code == "disk_full"
    assert failure.facts["found"] == "1500000 bytes"
    assert not (tmp_path / "checkpoints").exists()


def test_checkpoints_that_are_there_need_no_room_again(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = {"checkpoint_every_steps": 2}
    with StoppingLink() as link, pytest.raises(EngineFailure):
        loop.run(training_job(world, tmp_path, **changes), link)
    one = one_checkpoint(world)
    free = one + one // 3  # a checkpoint and the model
    leave_free(monkeypatch, free)
    assert refused(training_job(world, tmp_path / "anew", **changes)).facts["expected"] == f"{3 * one + one // 3} bytes"
    leave_free(monkeypatch, free - 1)
    assert refused(training_job(world, tmp_path, **changes)).facts["expected"] == f"{free} bytes"
    leave_free(monkeypatch, free)
    assert [frame["step"] for frame in run(training_job(world, tmp_path, **changes)).frames["step"]] == [5, 6]


def test_a_rank_that_cannot_find_the_others_is_refused_by_the_variable_it_lacks(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    failure = refused(training_job(world, tmp_path))
    assert failure.code == "launch_failed"
    assert "LOCAL_RANK, MASTER_ADDR, MASTER_PORT are not set" in failure.detail


def test_a_model_of_another_vision_policy_is_refused_before_it_is_loaded(world: Path, tmp_path: Path) -> None:
    job = training_job(world, tmp_path)
    failure = refused(replace(job, vision_policy=replace(job.vision_policy, background="#000000")))
    assert failure.field_path == "training.vision_policy"
    assert failure.detail.startswith("visionPolicy is ")
    assert "#ffffff" in failure.facts["expected"]
    assert "#000000" in failure.facts["found"]


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"steps": 0}, "steps"),
        ({"examples_per_step": 0}, "examplesPerStep"),
        ({"tokens_per_pass": 0}, "tokensPerPass"),
        ({"head_chunk_tokens": 0}, "headChunkTokens"),
        ({"optimizer.beta2": 1.0}, "optimizer.beta2"),
        ({"optimizer.peak_learning_rate": 0.0}, "optimizer.peakLearningRate"),
        ({"optimizer.weight_decay": -0.1}, "optimizer.weightDecay"),
        ({"zero.stage": 4}, "zero.stage"),
        ({"zero.offload_optimizer": True}, "zero.offloadOptimizer"),
        ({"zero.offload_parameters": True}, "zero.offloadParameters"),
        ({"tuning.full": None}, "tuning"),
        ({"schedule.warmup_fraction": 1.5}, "schedule.warmupFraction"),
        ({"vision_policy.grid_multiple": 0}, "visionPolicy.gridMultiple"),
    ],
)
def test_settings_that_cannot_be_are_refused_by_their_field(
    world: Path, tmp_path: Path, changes: dict[str, Any], name: str
) -> None:
    job = training_job(world, tmp_path)
    for path, value in changes.items():
        part, _, field = path.rpartition(".")
        job = replace(job, **({part: replace(getattr(job, part), **{field: value})} if part else {field: value}))
        failure = refused(job)
        assert failure.code == "spec_refused"
        assert f"training.{path}".startswith(failure.field_path)
        assert failure.detail.startswith(f"{name} must be ")


def test_a_missing_blob_is_refused_by_its_file(world: Path, tmp_path: Path) -> None:
    failure = refused(training_job(world, tmp_path, blob_root=str(tmp_path / "nowhere")))
    assert failure.code == "data_refused"
    assert str(tmp_path / "nowhere") in failure.facts["file"]
