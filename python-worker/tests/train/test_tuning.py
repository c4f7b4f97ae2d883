from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from longform_worker.engines.train import loop
from longform_worker.engines.train.attention import hidden_states, rows_attention
from longform_worker.engines.train.backend.ranks import Ranks
from longform_worker.engines.train.checkpoint import save_checkpoint
from longform_worker.engines.train.collate import Filler, StepWeights
from longform_worker.engines.train.export import export_model
from longform_worker.engines.train.plan import PlannedRow, plan_rows
from longform_worker.engines.train.saved import Counters
from longform_worker.engines.train.step import Trainer
from longform_worker.failure import EngineFailure
from longform_worker.jobs import LossNormalisation, ModelPart, PartLearningRate, Precision, TrainingJob
from longform_worker.models.loaded import load_model
from longform_worker.models.tensors import TensorFiles, read_tensors
from recorded_link import RecordedLink
from tiny_world import training_job


def lora(*targets: str, layers: str = "ALL", **changes: Any) -> dict[str, Any]:
    parts = [f"MODEL_PART_{part}" for part in targets]
    settings = {"rank": 4, "alpha": 8.0, "dropout": 0.0, "targets": parts, "layers": f"ADAPTER_LAYERS_{layers}"}
    return {"lora": {**settings, **changes}}


def trainer(job: TrainingJob) -> tuple[Trainer, list[PlannedRow]]:
    loaded = load_model(Path(job.model_path), Precision.FLOAT32, rows_attention())
    rows = plan_rows(Path(job.rows_path), loaded, job)
    return Trainer(loaded, job, Ranks(0, 0, 1), Filler.of_training(loaded, rows)), rows


def answers(made: Trainer, rows: list[PlannedRow]) -> Tensor:
    """Logits at the target positions of some rows."""
    made.module.eval()
    (batch,) = made.collator.passes([rows], StepWeights.of_step(rows, LossNormalisation.TOKEN))
    with torch.no_grad():
        return made.loaded.model.lm_head(hidden_states(made.loaded, made.loaded.model, batch)[batch.positions_N])


def test_adapters_are_counted_by_part_and_the_head_never_has_one(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made, _ = trainer(training_job(world, tmp_path, tuning=lora("LANGUAGE", "VISION", "MERGER")))
    assert made.adapters is not None
    counts = {part: made.adapters.of_part[part] for part in ModelPart}
    assert counts == {ModelPart.LANGUAGE: 14, ModelPart.VISION: 5, ModelPart.MERGER: 2}
    assert "Adapters on linear layers: 14 of language, 5 of vision, 2 of merger." in capsys.readouterr().err
    assert not any("lm_head" in name for name in made.weights)
    assert all(".lora_A." in name or ".lora_B." in name for name in made.weights)
    assert len(made.weights) == 2 * 21
    attention, _ = trainer(training_job(world, tmp_path, tuning=lora("LANGUAGE", layers="ATTENTION")))
    assert all(".self_attn." in name for name in attention.weights)
    assert len(attention.weights) == 2 * 8


def test_a_merged_model_answers_as_its_adapters_do_and_not_as_its_base(world: Path, tmp_path: Path) -> None:
    job = training_job(world, tmp_path, tuning=lora("LANGUAGE", "VISION", "MERGER"))
    made, rows = trainer(job)
    some = [row for row in rows if row.images][:6]
    before = answers(made, some)
    made.module.train()
    for step in range(1, 5):
        made.step(step, some, 1e-2)
    adapted = answers(made, some)
    assert (adapted - before).abs().max() > 1e-2
    export_model(made, Counters(), lambda: False)
    merged, _ = trainer(replace(job, model_path=job.output_path, tuning=training_job(world, tmp_path).tuning))
    torch.testing.assert_close(answers(merged, some), adapted, rtol=1e-5, atol=1e-5)
    base, exported = TensorFiles(world / "model"), TensorFiles(tmp_path / "trained")
    assert set(exported.keys()) == set(base.keys())
    moved = {key for key in base.keys() if not torch.equal(base.read(key), exported.read(key))}  # noqa: SIM118
    assert len(moved) == 21
    assert not any("lm_head" in key or "norm" in key or "embed" in key for key in moved)


@pytest.mark.parametrize(
    ("tuning", "field"),
    [
        ({"full": {"frozen_parts": ["MODEL_PART_LANGUAGE"]}}, "training.tuning.full.frozen_parts"),
        (lora("VISION", "MERGER"), "training.tuning.lora.targets"),
    ],
)
def test_what_only_images_reach_is_not_trained_on_rows_without_images(
    world: Path, tmp_path: Path, tuning: dict[str, Any], field: str
) -> None:
    lines = [line for line in (world / "rows.jsonl").read_text().splitlines() if not json.loads(line)["images"]]
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(f"{line}\n" for line in lines))
    job = training_job(world, tmp_path, tuning=tuning, rows_path=str(rows), steps=1)
    with RecordedLink() as link, pytest.raises(EngineFailure, match="No row has an image, and only") as caught:
        loop.run(job, link)
    assert (caught.value.code, caught.value.field_path) == ("spec_refused", field)
    assert link.frames("phase") == []
    with RecordedLink() as link:
        loop.run(replace(job, rows_path=str(world / "rows.jsonl")), link)
        assert len(link.frames("step")) == 1


def test_adapters_that_never_moved_are_an_error_and_leave_no_model(world: Path, tmp_path: Path) -> None:
    made, _ = trainer(training_job(world, tmp_path, tuning=lora("LANGUAGE")))
    with pytest.raises(EngineFailure, match="None of the adapters on 14 layers has moved"):
        export_model(made, Counters(), lambda: False)
    assert not (tmp_path / "trained").exists()


def test_a_checkpoint_of_adapters_holds_them_alone_and_an_empty_one_is_refused(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = training_job(world, tmp_path, tuning=lora("LANGUAGE"), steps=2, checkpoint_every_steps=2)
    with RecordedLink() as link:
        loop.run(job, link)
    folder = tmp_path / "checkpoints" / "step-00000002"
    kept = read_tensors(folder / "adapter-00000-00000.safetensors")
    assert len(kept) == 2 * 14
    assert all(tensor.numel() for tensor in kept.values())
    assert {tensor.dtype for tensor in kept.values()} == {torch.float32}
    assert not (folder / "model.safetensors.index.json").exists()

    made, rows = trainer(replace(job, checkpoint_path=str(tmp_path / "other")))
    made.step(1, rows[:4], 1e-3)

    def nothing(weight: Tensor, _moment: str | None) -> Tensor:
        return weight.new_empty(0)

    monkeypatch.setattr(made.backend, "whole", nothing)
    with pytest.raises(EngineFailure, match="came back with 0 of"):
        save_checkpoint(made, Counters(step=1), "x")
    assert list((tmp_path / "other").iterdir()) == []


def test_dropout_of_adapters_draws_the_same_at_the_same_step(world: Path, tmp_path: Path) -> None:
    job = training_job(world, tmp_path, tuning=lora("LANGUAGE", dropout=0.5))
    losses: list[list[float]] = []
    for _ in range(2):
        made, rows = trainer(job)
        losses.append([made.step(step, rows[:4], 1e-2).loss for step in (1, 2, 3)])
    assert losses[0] == losses[1]
    without, rows = trainer(training_job(world, tmp_path, tuning=lora("LANGUAGE")))
    for step in (1, 2):  # an adapter begins with zeros, which dropping leaves as they are
        loss = without.step(step, rows[:4], 1e-2).loss
    assert loss != losses[0][1]


def test_parts_move_at_learning_rates_of_their_own(world: Path, tmp_path: Path) -> None:
    job = training_job(world, tmp_path)
    slow = PartLearningRate(part=ModelPart.VISION, peak_learning_rate=job.optimizer.peak_learning_rate / 10)
    made, rows = trainer(replace(job, optimizer=replace(job.optimizer, weight_decay=0.0, part_learning_rates=(slow,))))
    before = {name: weight.detach().clone() for name, weight in made.weights.items()}
    made.step(1, [row for row in rows if row.images][:4], 1e-3)
    # Adam's first step moves every weight by nearly the learning rate.
    moved: dict[ModelPart, float] = {}
    for name, weight in made.weights.items():
        part = made.loaded.adapter.part_of(name)
        moved[part] = max(moved.get(part, 0.0), (weight.detach() - before[name]).abs().max().item())
    assert moved[ModelPart.VISION] == pytest.approx(1e-4, rel=1e-2)
    assert moved[ModelPart.LANGUAGE] == moved[ModelPart.MERGER] == pytest.approx(1e-3, rel=1e-2)
