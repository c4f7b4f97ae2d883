from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from longform_worker.engines.train.attention import hidden_states, rows_attention
from longform_worker.engines.train.collate import Collator, Filler, Pass, StepWeights
from longform_worker.engines.train.plan import PlannedRow, plan_rows
from longform_worker.failure import EngineFailure
from longform_worker.jobs import LossNormalisation, Precision
from longform_worker.models.loaded import LoadedModel, load_model
from tiny_world import training_job

# Rows with no, 1, 2, 3 images of several sizes, in an order in which text-only rows stand between others.
NUMBERS = (1, 4, 6, 3, 0, 2)


class World(NamedTuple):
    loaded: LoadedModel
    rows: list[PlannedRow]
    collator: Collator


@pytest.fixture(scope="module", params=[torch.float32, torch.float64], ids=["float32", "float64"])
def packed(world: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> World:
    loaded = load_model(world / "model", Precision.FLOAT32, rows_attention())
    loaded.model.to(request.param).train()
    rows = plan_rows(world / "rows.jsonl", loaded, training_job(world, tmp_path_factory.mktemp("out")))
    return World(loaded, [rows[number] for number in NUMBERS], Collator(loaded, world / "blobs"))


def loss_of(loaded: LoadedModel, batch: Pass) -> Tensor:
    """Loss of a pass in the model's own number format, by torch's cross entropy over whole logits."""
    hidden_NH = hidden_states(loaded, loaded.model, batch)[batch.positions_N]
    losses_N = torch.nn.functional.cross_entropy(loaded.model.lm_head(hidden_NH), batch.targets_N, reduction="none")
    return (losses_N * batch.weights_N).sum()


def loss_and_gradients(world: World, groups: list[list[PlannedRow]]) -> tuple[float, dict[str, Tensor]]:
    loaded, rows, collator = world
    loaded.model.zero_grad(set_to_none=True)
    total = 0.0
    for batch in collator.passes(groups, StepWeights.of_step(rows, LossNormalisation.TOKEN)):
        loss = loss_of(loaded, batch)
        loss.backward()  # pyright: ignore[reportUnknownMemberType]
        total += loss.item()
    weights: Any = loaded.model.named_parameters()
    return total, {name: weight.grad.clone() for name, weight in weights if weight.grad is not None}


def difference(found: dict[str, Tensor], expected: dict[str, Tensor]) -> float:
    """Norm of the difference over the norm, all gradients together."""
    apart = sum((found[name] - gradient).square().sum() for name, gradient in expected.items())
    return float((apart / sum(gradient.square().sum() for gradient in expected.values())) ** 0.5)


@pytest.mark.parametrize("checkpointing", [False, True])
def test_rows_in_one_pass_give_the_loss_and_gradients_of_each_row_alone(packed: World, *, checkpointing: bool) -> None:
    model = packed.loaded.model
    alone, expected = loss_and_gradients(packed, [[row] for row in packed.rows])
    if checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    together, found = loss_and_gradients(packed, [packed.rows])
    model.gradient_checkpointing_disable()
    exact = model.dtype is torch.float64
    assert together == pytest.approx(alone, rel=1e-10 if exact else 1e-6)
    assert difference(found, expected) < (1e-10 if exact else 1e-6)


def test_a_row_sees_nothing_of_its_neighbours(packed: World) -> None:
    weights = StepWeights.of_step(packed.rows, LossNormalisation.TOKEN)
    first, second, third = packed.rows[0], packed.rows[2], packed.rows[3]
    with torch.no_grad():
        for neighbour in (first, third):
            (batch,) = packed.collator.passes([[neighbour, second]], weights)
            (alone,) = packed.collator.passes([[second]], weights)
            found = hidden_states(packed.loaded, packed.loaded.model, batch)[neighbour.tokens :]
            expected = hidden_states(packed.loaded, packed.loaded.model, alone)
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_a_pass_names_the_end_of_each_row_and_the_row_of_each_target(packed: World) -> None:
    weights = StepWeights.of_step(packed.rows, LossNormalisation.TOKEN)
    (batch,) = packed.collator.passes([packed.rows], weights)
    assert batch.rows == len(packed.rows)
    assert batch.row_ends[-1] == len(batch.ids_S) == sum(row.tokens for row in packed.rows)
    start = 0
    for number, (row, end) in enumerate(zip(packed.rows, batch.row_ends, strict=True)):
        assert torch.equal(batch.ids_S[start:end], row.ids_T)
        assert torch.equal(batch.rotary_3S[:, start:end], row.positions_3T)
        own = batch.row_of_N == number
        assert torch.equal(batch.positions_N[own], torch.arange(start + row.target_start - 1, end - 1))
        start = end
    assert batch.weights_N.sum().item() == pytest.approx(1)


def test_a_target_counts_what_the_whole_step_over_all_ranks_says(packed: World) -> None:
    for normalisation in LossNormalisation:
        weights = StepWeights.of_step(packed.rows, normalisation)
        halves = [packed.collator.passes([half], weights) for half in (packed.rows[:2], packed.rows[2:])]
        assert sum(batch.weights_N.sum().item() for half in halves for batch in half) == pytest.approx(1)


def test_a_model_with_another_attention_is_refused(packed: World, world: Path) -> None:
    plain = load_model(world / "model", Precision.FLOAT32)
    (batch,) = packed.collator.passes([packed.rows], StepWeights.of_step(packed.rows, LossNormalisation.TOKEN))
    with pytest.raises(ValueError, match="this one has sdpa"):
        hidden_states(plain, plain.model, batch)


def test_a_model_with_sliding_windows_is_refused(world: Path, tmp_path: Path) -> None:
    shutil.copytree(world / "model", tmp_path / "model")
    (tmp_path / "model" / "manifest.json").unlink()
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    config["text_config"] |= {"use_sliding_window": True, "sliding_window": 16, "max_window_layers": 1}
    config["text_config"]["layer_types"] = ["full_attention", "sliding_attention"]
    (tmp_path / "model" / "config.json").write_text(json.dumps(config))
    with pytest.raises(EngineFailure, match="sliding window") as caught:
        load_model(tmp_path / "model", Precision.FLOAT32, rows_attention())
    assert caught.value.code == "model_refused"
    assert caught.value.facts["file"].endswith("config.json")


def test_a_call_that_does_not_name_the_rows_is_refused(packed: World) -> None:
    with pytest.raises(ValueError, match="ends of its rows"):
        packed.loaded.model(input_ids=packed.rows[0].ids_T[None], use_cache=False)


def test_a_filler_row_changes_no_gradient_and_runs_the_vision_tower(packed: World, world: Path) -> None:
    loaded, rows, _ = packed
    text_only = [row for row in rows if not row.images]
    filled = Collator(loaded, world / "blobs", Filler.of_training(loaded, rows))
    weights = StepWeights.of_step(text_only, LossNormalisation.TOKEN)
    (batch,) = filled.passes([text_only], weights)
    assert (batch.rows, len(batch.row_ends)) == (len(text_only), len(text_only) + 1)
    assert len(batch.ids_S) == sum(row.tokens for row in text_only) + 3
    assert len(batch.targets_N) == sum(row.target_tokens for row in text_only)
    alone, expected = loss_and_gradients(World(loaded, text_only, packed.collator), [text_only])
    found_loss, found = loss_and_gradients(World(loaded, text_only, filled), [text_only])
    assert found_loss == pytest.approx(alone, rel=1e-6)
    vision = {name for name in found if name.startswith("model.visual.")}
    assert vision == set(found) - set(expected)
    assert all(torch.equal(found[name], torch.zeros_like(found[name])) for name in vision)
    assert difference({name: found[name] for name in expected}, expected) < 1e-6


def test_rows_with_images_get_no_filler(packed: World, world: Path) -> None:
    filled = Collator(packed.loaded, world / "blobs", Filler.of_training(packed.loaded, packed.rows))
    (batch,) = filled.passes([packed.rows], StepWeights.of_step(packed.rows, LossNormalisation.TOKEN))
    assert len(batch.row_ends) == len(packed.rows)


@pytest.mark.parametrize("images", [True, False])
def test_a_pass_without_rows_is_the_filler_alone_and_has_no_loss(packed: World, world: Path, *, images: bool) -> None:
    loaded = packed.loaded
    rows = [row for row in packed.rows if bool(row.images) is images]
    filled = Collator(loaded, world / "blobs", Filler.of_training(loaded, rows))
    loaded.model.zero_grad(set_to_none=True)
    (batch,) = filled.passes([[]], StepWeights.of_step(rows, LossNormalisation.EXAMPLE))
    assert (batch.rows, len(batch.targets_N), batch.patches_PV is not None) == (0, 0, images)
    loss = loss_of(loaded, batch)
    loss.backward()  # pyright: ignore[reportUnknownMemberType]
    assert loss.item() == 0
    weights: dict[str, Any] = dict(loaded.model.named_parameters())
    reached = {name for name, weight in weights.items() if weight.grad is not None}
    assert reached == {name for name in weights if images or not name.startswith("model.visual.")}
    assert not any(weights[name].grad.any() for name in reached)
