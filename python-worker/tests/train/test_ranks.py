"""Trainings on one rank and on two, at every stage: the same numbers, and exact resumption.

Launches are shared: the first ones train undisturbed and to a stop, the second ones, in new processes, go on.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ranks import Launch, launch

from longform_worker.models.folder import read_manifest
from longform_worker.models.tensors import read_tensors
from tiny_world import training_fields

STEPS = 9  # 24 rows, 4 a step: an epoch is 6 steps
STOPS = (3, 7)  # in the first epoch and in the second
PARTS = ["MODEL_PART_LANGUAGE", "MODEL_PART_VISION", "MODEL_PART_MERGER"]
LORA = {"lora": {"rank": 4, "alpha": 8.0, "dropout": 0.0, "targets": PARTS, "layers": "ADAPTER_LAYERS_ALL"}}
BFLOAT16 = {"precision": "PRECISION_BFLOAT16"}
SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {"zero": (0, False, False)},
    "zero 1": {"zero": (1, False, False)},
    "zero 2": {"zero": (2, False, False)},
    "zero 3": {"zero": (3, False, False)},
    "zero 2 offloaded": {"zero": (2, True, False)},
    "zero 3 offloaded": {"zero": (3, True, True)},
    "zero 3 recomputed": {"zero": (3, False, False), "gradient_checkpointing": True},
    "lora": {"zero": (0, False, False), "tuning": LORA},
    "lora zero 2": {"zero": (2, False, False), "tuning": LORA},
    "lora zero 3": {"zero": (3, False, False), "tuning": LORA, "gradient_checkpointing": True},
    "lora zero 3 bfloat16": {"zero": (3, False, False), "tuning": LORA, "gradient_checkpointing": True, **BFLOAT16},
    "bfloat16": {"zero": (2, False, False), **BFLOAT16},
}
FULL = [title for title in SETTINGS if "bfloat16" not in title and "lora" not in title]
ADAPTED = ["lora", "lora zero 2", "lora zero 3"]
RESUMED = ["plain", "zero 1", "zero 2", "zero 3", "bfloat16", "lora zero 3"]
# At another number of ranks, and another stage each: written with the first, read with the second.
CONVERTED = {"plain": "zero 3", "zero 2": "plain", "zero 3": "zero 1"}


class World(NamedTuple):
    ranks: int
    folder: Path
    first: Launch


def job(world: Path, out: Path, title: str, **changes: Any) -> dict[str, Any]:
    fields = training_fields(world, out, steps=STEPS, **{**SETTINGS[title], **changes})
    stage, optimizer, parameters = fields["zero"]
    zero = {"stage": stage, "offload_optimizer": optimizer, "offload_parameters": parameters}
    return {**fields, "zero": zero}


def first_launch(world: Path, folder: Path, ranks: int) -> World:
    jobs = {title: job(world, folder / title, title) for title in SETTINGS}
    stop: dict[str, int] = {}
    for title in RESUMED:
        for step in STOPS:
            name = f"{title} to {step}"
            jobs[name], stop[name] = job(world, folder / name, title), step
    return World(ranks, folder, launch(folder, jobs, ranks, stop=stop))


@pytest.fixture(scope="module")
def one(world: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    return first_launch(world, tmp_path_factory.mktemp("one"), 1)


@pytest.fixture(scope="module")
def two(world: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    return first_launch(world, tmp_path_factory.mktemp("two"), 2)


def stopped_at(first: Launch, name: str) -> int:
    """The step that all ranks stopped at."""
    (step,) = {int(end["facts"]["step"]) for end in first.ends(name)}
    return step


def second_launch(world: Path, of: World, other: World, folder: Path) -> Launch:
    jobs: dict[str, dict[str, Any]] = {}
    for title in RESUMED:
        for step in STOPS:
            jobs[f"{title} to {step}"] = job(world, of.folder / f"{title} to {step}", title)
    for title, stage in CONVERTED.items():
        shutil.copytree(other.folder / f"{title} to 3" / "checkpoints", folder / title / "checkpoints")
        jobs[title] = job(world, folder / title, stage)
    return launch(folder, jobs, of.ranks)


@pytest.fixture(scope="module")
def one_again(world: Path, one: World, two: World, tmp_path_factory: pytest.TempPathFactory) -> Launch:
    copied = tmp_path_factory.mktemp("one-again")
    return second_launch(world, one, two, copied)


@pytest.fixture(scope="module")
def two_again(world: Path, one: World, two: World, tmp_path_factory: pytest.TempPathFactory) -> Launch:
    return second_launch(world, two, one, tmp_path_factory.mktemp("two-again"))


@pytest.mark.parametrize("title", FULL)
@pytest.mark.parametrize("ranks", ["one", "two"])
def test_every_stage_trains_as_one_rank_without_deepspeed(
    request: pytest.FixtureRequest, one: World, ranks: str, title: str
) -> None:
    ran: World = request.getfixturevalue(ranks)
    same_training(ran, title, one, "plain")


@pytest.mark.parametrize("title", ADAPTED)
@pytest.mark.parametrize("ranks", ["one", "two"])
def test_adapters_train_the_same_at_every_stage(
    request: pytest.FixtureRequest, one: World, ranks: str, title: str
) -> None:
    same_training(request.getfixturevalue(ranks), title, one, "lora")
    assert one.first.losses("lora")[-1] < one.first.losses("lora")[0]


def same_training(ran: World, title: str, expected: World, expected_title: str) -> None:
    """The same losses, gradient norms and weights."""
    assert ran.first.losses(title) == pytest.approx(expected.first.losses(expected_title), rel=2e-6)
    norms, expected_norms = (
        [step["gradient_norm"] for step in steps]
        for steps in (ran.first.steps(title), expected.first.steps(expected_title))
    )
    assert norms == pytest.approx(expected_norms, rel=1e-5)
    weights = read_tensors(expected.folder / expected_title / "trained" / "model.safetensors")
    found = read_tensors(ran.folder / title / "trained" / "model.safetensors")
    assert found.keys() == weights.keys()
    for key, weight in found.items():
        assert (weight - weights[key]).abs().max() < 1e-5, key


def test_bfloat16_under_zero_is_near_float32(one: World, two: World) -> None:
    for ran in (one, two):
        assert ran.first.losses("bfloat16") == pytest.approx(one.first.losses("plain"), rel=0.02)
        assert ran.first.losses("bfloat16") != ran.first.losses("plain")
        assert ran.first.losses("lora zero 3 bfloat16") == pytest.approx(one.first.losses("lora"), rel=0.02)


def test_a_step_of_two_ranks_is_told_once_and_counts_both(one: World, two: World) -> None:
    assert [frame["type"] for frame in two.first.frames[1]["zero 2"]] == ["phase"] * 4 + ["done"]
    for alone, both in zip(one.first.steps("zero 2"), two.first.steps("zero 2"), strict=True):
        assert (alone["ranks"], both["ranks"]) == (1, 2)
        assert (both["tokens"], both["target_tokens"]) == (alone["tokens"], alone["target_tokens"])
        assert both["passes"] == 1
        assert both["peak_memory_bytes"] > 100_000_000
        assert both["peak_device_memory_bytes"] == 0
    assert "recomputed reentrantly" in two.first.logs[0]


@pytest.mark.parametrize("step", STOPS)
@pytest.mark.parametrize("title", RESUMED)
@pytest.mark.parametrize("ranks", ["one", "two"])
def test_a_training_stopped_and_gone_on_with_in_new_processes_ends_in_the_very_same_weights(
    request: pytest.FixtureRequest, ranks: str, title: str, step: int
) -> None:
    ran: World = request.getfixturevalue(ranks)
    again: Launch = request.getfixturevalue(f"{ranks}_again")
    name = f"{title} to {step}"
    stopped = stopped_at(ran.first, name)
    assert stopped in (step, step + 1)  # the ranks may have agreed on the next step before the signal came
    assert again.losses(name) == ran.first.losses(title)[stopped:]
    assert again.weights(name) == ran.first.weights(title)


@pytest.mark.parametrize("title", list(CONVERTED))
@pytest.mark.parametrize("ranks", ["one", "two"])
def test_a_training_goes_on_with_another_number_of_ranks_at_another_stage(
    request: pytest.FixtureRequest, one: World, two: World, ranks: str, title: str
) -> None:
    again: Launch = request.getfixturevalue(f"{ranks}_again")
    stopped = stopped_at((two if ranks == "one" else one).first, f"{title} to 3")
    assert again.losses(title) == pytest.approx(one.first.losses("plain")[stopped:], rel=2e-6)
    assert again.steps(title)[0]["step"] == stopped + 1
    assert "Going on from" in again.logs[0]
    assert "; written by" in again.logs[0]


def test_a_stop_of_one_rank_is_one_of_all_with_a_checkpoint_and_no_success(two: World) -> None:
    ends = two.first.ends("zero 3 to 3")
    assert {end["type"] for end in ends} == {"failed"}
    assert {end["code"] for end in ends} == {"FAILURE_CODE_PREEMPTED"}
    (checkpoint,) = {end["facts"]["checkpoint"] for end in ends}
    assert read_manifest(Path(checkpoint))["ranks"] == 2
    told = [frame["phase"] for frame in two.first.frames[0]["zero 3 to 3"] if frame["type"] == "phase"]
    assert told == ["PHASE_LOADING", "PHASE_PLANNING", "PHASE_RUNNING"]
