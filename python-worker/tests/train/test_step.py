from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from longform_worker.engines.train.attention import rows_attention
from longform_worker.engines.train.backend.ranks import Ranks
from longform_worker.engines.train.collate import Collator, Filler, Pass, StepWeights
from longform_worker.engines.train.gate import exact_match
from longform_worker.engines.train.plan import PlannedRow, plan_rows, planned_counts
from longform_worker.engines.train.step import StepReport, Trainer
from longform_worker.failure import EngineFailure
from longform_worker.jobs import LossNormalisation, ModelPart, Precision, TrainingJob
from longform_worker.models.loaded import load_model
from tiny_world import import_all, make, source_rows, training_job

# Rows of four lengths, with 1, 2, 3 and no images.
NUMBERS = (1, 6, 3, 4)


def trainer(job: TrainingJob) -> tuple[Trainer, list[PlannedRow]]:
    loaded = load_model(Path(job.model_path), Precision.FLOAT32, rows_attention())
    rows = plan_rows(Path(job.rows_path), loaded, job)
    return Trainer(loaded, job, Ranks(0, 0, 1), Filler.of_training(loaded, rows)), rows


def first_step(job: TrainingJob) -> tuple[StepReport, dict[str, Tensor]]:
    made, rows = trainer(job)
    report = made.step(1, [rows[number] for number in NUMBERS], 1e-3)
    return report, {name: weight.detach().clone() for name, weight in made.loaded.model.named_parameters()}


@pytest.mark.parametrize("normalisation", ["TOKEN", "EXAMPLE"])
def test_a_step_is_the_same_however_it_is_split_into_passes(world: Path, tmp_path: Path, normalisation: str) -> None:
    reports: list[StepReport] = []
    weights: list[dict[str, Tensor]] = []
    for tokens_per_pass in (512, 100, 1):
        job = training_job(
            world,
            tmp_path,
            tokens_per_pass=tokens_per_pass,
            loss_normalisation=f"LOSS_NORMALISATION_{normalisation}",
        )
        report, after = first_step(job)
        reports.append(report)
        weights.append(after)
    for report, after in zip(reports[1:], weights[1:], strict=True):
        assert report.loss == pytest.approx(reports[0].loss, rel=1e-5)
        assert report.gradient_norm == pytest.approx(reports[0].gradient_norm, rel=1e-5)
        assert (report.tokens, report.target_tokens) == (reports[0].tokens, reports[0].target_tokens)
        for name, weight in after.items():
            torch.testing.assert_close(weight, weights[0][name], rtol=1e-4, atol=1e-5)


def own_loss(loaded: Any, row: PlannedRow, pixels: Tensor | None, grids: Tensor | None) -> Tensor:
    """The loss that transformers computes for one row by itself, prompt masked."""
    labels = row.ids_T.clone()
    labels[: row.target_start] = -100
    return loaded.model(
        input_ids=row.ids_T[None],
        attention_mask=torch.ones_like(row.ids_T)[None],
        mm_token_type_ids=(row.ids_T == loaded.adapter.image_token_id).int()[None],
        pixel_values=pixels,
        image_grid_thw=grids,
        labels=labels[None],
    ).loss


def gradient_norm(made: Trainer) -> float:
    gradients = [weight.grad.flatten() for weight in made.loaded.model.parameters() if weight.grad is not None]
    return torch.cat(gradients).square().sum().sqrt().item()


@pytest.mark.parametrize("normalisation", list(LossNormalisation))
def test_loss_and_gradient_norm_equal_those_of_transformers(
    world: Path, tmp_path: Path, normalisation: LossNormalisation
) -> None:
    job = replace(training_job(world, tmp_path), loss_normalisation=normalisation)
    report, _ = first_step(job)
    made, rows = trainer(job)
    chosen = [rows[number] for number in NUMBERS]
    total = sum(row.target_tokens for row in chosen)
    loss = torch.zeros(())
    for row in chosen:
        (alone,) = made.collator.passes([[row]], StepWeights.of_step([row], LossNormalisation.TOKEN))
        made.loaded.model.set_attn_implementation({"text_config": "sdpa"})
        share = row.target_tokens / total if normalisation is LossNormalisation.TOKEN else 1 / len(chosen)
        patches, grids = (alone.patches_PV, alone.grids_I3) if row.images else (None, None)
        loss = loss + own_loss(made.loaded, row, patches, grids) * share
    loss.backward()  # pyright: ignore[reportUnknownMemberType]
    assert report.loss == pytest.approx(loss.item(), rel=1e-5)
    assert report.gradient_norm == pytest.approx(gradient_norm(made), rel=1e-4)


def test_the_two_normalisations_differ(world: Path, tmp_path: Path) -> None:
    by_token, by_example = (
        first_step(training_job(world, tmp_path, loss_normalisation=f"LOSS_NORMALISATION_{name}"))[0].loss
        for name in ("TOKEN", "EXAMPLE")
    )
    assert abs(by_token - by_example) > 1e-3


def test_only_targets_and_the_end_of_turn_are_trained(world: Path, tmp_path: Path) -> None:
    made, rows = trainer(training_job(world, tmp_path))
    for row in rows:
        (batch,) = made.collator.passes([[row]], StepWeights.of_step([row], LossNormalisation.TOKEN))
        text = made.loaded.tokenizer.decode(batch.targets_N)
        assert text.endswith("<|im_end|>")
        assert "<|image_pad|>" not in text
        assert "Write" not in text
        assert batch.weights_N.sum().item() == pytest.approx(1)
        assert torch.equal(row.ids_T[batch.positions_N + 1], batch.targets_N)


def test_gradient_checkpointing_changes_nothing(world: Path, tmp_path: Path) -> None:
    (plain, _), (recomputed, _) = (
        first_step(training_job(world, tmp_path, gradient_checkpointing=on)) for on in (False, True)
    )
    assert recomputed.loss == pytest.approx(plain.loss, rel=1e-6)
    assert recomputed.gradient_norm == pytest.approx(plain.gradient_norm, rel=1e-5)


def test_bfloat16_is_near_float32_and_keeps_weights_whole(world: Path, tmp_path: Path) -> None:
    exact, _ = first_step(training_job(world, tmp_path))
    rough, after = first_step(training_job(world, tmp_path, precision="PRECISION_BFLOAT16"))
    assert rough.loss != exact.loss
    assert rough.loss == pytest.approx(exact.loss, rel=0.02)
    assert {weight.dtype for weight in after.values()} == {torch.float32}


@pytest.mark.parametrize("frozen", [["VISION"], ["MERGER"], ["LANGUAGE"], ["VISION", "MERGER"]])
def test_frozen_parts_stay_and_all_others_move(world: Path, tmp_path: Path, frozen: list[str]) -> None:
    job = training_job(world, tmp_path, tuning={"full": {"frozen_parts": [f"MODEL_PART_{part}" for part in frozen]}})
    before = dict(load_model(world / "model", Precision.FLOAT32).model.named_parameters())
    made, _ = trainer(job)
    _, after = first_step(job)
    moved: dict[ModelPart, bool] = {}
    for name, weight in after.items():
        part = made.loaded.adapter.part_of(name)
        moved[part] = moved.get(part, False) or not torch.equal(weight, before[name])
    assert moved == {part: part.removeprefix("MODEL_PART_") not in frozen for part in ModelPart}


def test_freezing_everything_is_refused(world: Path, tmp_path: Path) -> None:
    job = training_job(world, tmp_path, tuning={"full": {"frozen_parts": list(ModelPart)}})
    with pytest.raises(EngineFailure) as caught:
        trainer(job)
    assert caught.value.field_path == "training.tuning.full.frozen_parts"


def test_norms_and_biases_do_not_decay(world: Path, tmp_path: Path) -> None:
    made, _ = trainer(training_job(world, tmp_path))
    names = {id(weight): name for name, weight in made.loaded.model.named_parameters()}
    decayed, kept = made.backend.optimizer.param_groups
    assert (decayed["weight_decay"], kept["weight_decay"]) == (0.01, 0.0)
    for weight in kept["params"]:
        assert "norm" in names[id(weight)] or "ln_q" in names[id(weight)] or names[id(weight)].endswith("bias")
    for weight in decayed["params"]:
        assert names[id(weight)].endswith("weight")
        assert "norm" not in names[id(weight)]
    assert len(decayed["params"]) + len(kept["params"]) == len(names)


def test_a_long_gradient_is_shortened_to_the_limit_and_reported_as_it_was(world: Path, tmp_path: Path) -> None:
    job = training_job(world, tmp_path)
    made, rows = trainer(replace(job, optimizer=replace(job.optimizer, max_gradient_norm=1e-3)))
    report = made.step(1, rows[:4], 1e-3)
    taken = [(state["exp_avg"] / (1 - 0.9)).flatten() for state in made.backend.optimizer.state.values()]
    assert torch.cat(taken).square().sum().sqrt().item() == pytest.approx(1e-3, rel=1e-3)
    assert report.gradient_norm > 0.1


def test_a_loss_that_is_no_number_stops_before_the_update_and_names_the_rows(world: Path, tmp_path: Path) -> None:
    made, rows = trainer(training_job(world, tmp_path))
    with torch.no_grad():
        made.loaded.model.lm_head.weight[0, 0] = float("inf")
    before = made.loaded.model.model.language_model.norm.weight.clone()
    with pytest.raises(EngineFailure) as caught:
        made.step(3, rows[1:3], 1e-3)
    assert caught.value.code == "loss_diverged"
    assert caught.value.facts["step"] == "3"
    assert caught.value.facts["rows"] == "row-1, row-2"
    assert torch.equal(made.loaded.model.model.language_model.norm.weight, before)


def test_a_gradient_that_is_no_number_stops_before_the_update(world: Path, tmp_path: Path) -> None:
    made, rows = trainer(training_job(world, tmp_path))
    weight: Tensor = made.loaded.model.model.language_model.norm.weight
    weight.register_hook(lambda gradient: gradient * torch.inf)  # pyright: ignore[reportUnknownMemberType, reportUnknownLambdaType]
    before = {name: weight.detach().clone() for name, weight in made.weights.items()}
    with pytest.raises(EngineFailure, match=r"gradient norm (inf|nan)") as caught:
        made.step(3, rows[1:3], 1e-3)
    assert caught.value.facts["rows"] == "row-1, row-2"
    assert all(torch.equal(weight, before[name]) for name, weight in made.weights.items())


def test_images_stay_in_memory_only_up_to_the_bound(world: Path, tmp_path: Path) -> None:
    made, rows = trainer(training_job(world, tmp_path))
    small = Collator(made.loaded, world / "blobs", cache_bytes=60_000)
    large = Collator(made.loaded, world / "blobs")
    for row in rows:
        weights = StepWeights.of_step([row], LossNormalisation.TOKEN)
        (one,), (other,) = (collator.passes([[row]], weights) for collator in (small, large))
        if one.patches_PV is None:
            assert other.patches_PV is None
        else:
            assert other.patches_PV is not None
            assert torch.equal(one.patches_PV, other.patches_PV)
        assert small._cached_bytes <= 60_000  # pyright: ignore[reportPrivateUsage]
    assert large._cached_bytes > 60_000  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize("checkpointing", [False, True])
def test_pixels_of_one_pass_at_a_time_are_there(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, checkpointing: bool
) -> None:
    job = training_job(world, tmp_path, tokens_per_pass=100, gradient_checkpointing=checkpointing)
    made, rows = trainer(job)
    pixels: list[weakref.ref[Tensor]] = []
    alive: list[int] = []
    sizes: list[int] = []
    make_pass = made.collator._pass  # pyright: ignore[reportPrivateUsage]

    def watched(of_pass: Sequence[PlannedRow], weights: StepWeights) -> Pass:
        alive.append(sum(pixel() is not None for pixel in pixels))
        sizes.append(len(of_pass))
        batch = make_pass(of_pass, weights)
        if batch.patches_PV is not None:
            pixels.append(weakref.ref(batch.patches_PV))
        return batch

    monkeypatch.setattr(made.collator, "_pass", watched)
    made.step(1, [row for row in rows if row.images][:8], 1e-3)
    assert sum(sizes) == 8
    assert 1 < len(sizes) == len(pixels)
    exact_match(made, rows)
    assert sum(sizes) == 8 + len(rows)
    assert alive == [0] * len(sizes)


def test_too_long_rows_are_all_counted_and_named_before_training(world: Path, tmp_path: Path) -> None:
    job = training_job(world, tmp_path, max_tokens=40)
    with pytest.raises(EngineFailure) as caught:
        trainer(job)
    loaded = load_model(world / "model", Precision.FLOAT32)
    rows = plan_rows(world / "rows.jsonl", loaded, training_job(world, tmp_path))
    long = [row for row in rows if row.tokens > 40]
    assert 1 < len(long) < len(rows)
    assert caught.value.code == "data_refused"
    assert f"{len(long)} of {len(rows)} rows" in caught.value.detail
    assert f"Raise maxTokens to {max(row.tokens for row in long)}" in caught.value.detail
    assert caught.value.facts["found"] == f"{max(row.tokens for row in long)} tokens"
    assert planned_counts(rows)["longest_row_tokens"] == max(row.tokens for row in rows)


def test_images_of_another_policy_are_refused_with_their_row(world: Path, tmp_path: Path) -> None:
    job = training_job(world, tmp_path)
    job = replace(job, vision_policy=replace(job.vision_policy, max_pixels=784))
    with pytest.raises(EngineFailure, match="as the job's vision policy makes it") as caught:
        trainer(job)
    assert caught.value.facts["row"] == "row-1"


def test_the_gate_measures_what_greedy_decoding_would_write(tmp_path: Path) -> None:
    rows = [{**row, "target": f"{row['target'][:12]}"} for row in source_rows(12)]
    make(tmp_path / "model", import_all(tmp_path, rows))
    made, planned = trainer(training_job(tmp_path, tmp_path))
    assert exact_match(made, planned) == 0
    values: list[float] = []
    for step in range(1, 61):
        made.step(step, planned[:8], 3e-3)
        if step % 20 == 0:
            values.append(exact_match(made, planned))
    assert values[-1] > 0
    written = 0
    made.loaded.model.eval()
    made.loaded.model.set_attn_implementation({"text_config": "sdpa"})
    for row in planned:
        (batch,) = made.collator.passes([[row]], StepWeights.of_step([row], LossNormalisation.TOKEN))
        prompt = row.ids_T[None, : row.target_start]
        images = {
            "mm_token_type_ids": (prompt == made.loaded.adapter.image_token_id).int(),
            "pixel_values": batch.patches_PV,
            "image_grid_thw": batch.grids_I3,
        }
        output = made.loaded.model.generate(
            input_ids=prompt,
            attention_mask=torch.ones_like(prompt),
            max_new_tokens=row.target_tokens,
            do_sample=False,
            **(images if row.images else {}),
        )
        written += torch.equal(output[0, row.target_start :], row.ids_T[row.target_start :])
    assert values[-1] == written / len(planned)
    assert written < len(planned)
