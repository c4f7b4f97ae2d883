from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from longform_worker.models.tensors import read_tensors
from ranks import Launch, launch
from tiny_world import training_fields

ZERO = [
    {"stage": 0, "offload_optimizer": False, "offload_parameters": False},
    {"stage": 1, "offload_optimizer": False, "offload_parameters": False},
    {"stage": 2, "offload_optimizer": False, "offload_parameters": False},
    {"stage": 3, "offload_optimizer": False, "offload_parameters": False},
    {"stage": 2, "offload_optimizer": True, "offload_parameters": False},
    {"stage": 3, "offload_optimizer": True, "offload_parameters": True},
]


def jobs(world: Path, out: Path, **changes: Any) -> list[dict[str, Any]]:
    return [training_fields(world, out / str(number), zero=zero, **changes) for number, zero in enumerate(ZERO)]


@pytest.fixture(scope="module")
def alone(world: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Launch, Path]:
    folder = tmp_path_factory.mktemp("alone")
    return launch(folder, jobs(world, folder), 1), folder


@pytest.fixture(scope="module")
def two(world: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Launch, Path]:
    folder = tmp_path_factory.mktemp("two")
    return launch(folder, jobs(world, folder), 2), folder


@pytest.mark.parametrize("number", range(len(ZERO)))
@pytest.mark.parametrize("ranks", ["alone", "two"])
def test_every_stage_on_one_rank_and_on_two_trains_as_one_rank_without_deepspeed(
    request: pytest.FixtureRequest, ranks: str, number: int
) -> None:
    one, its_folder = request.getfixturevalue("alone")
    ran, folder = request.getfixturevalue(ranks)
    assert ran.losses(number) == pytest.approx(one.losses(0), rel=2e-6)
    norms = [[step["gradient_norm"] for step in launched.steps(job)] for launched, job in ((ran, number), (one, 0))]
    assert norms[0] == pytest.approx(norms[1], rel=1e-5)
    expected = read_tensors(its_folder / "0" / "trained" / "model.safetensors")
    found = read_tensors(folder / str(number) / "trained" / "model.safetensors")
    assert found.keys() == expected.keys()
    for key, weight in found.items():
        assert (weight - expected[key]).abs().max() < 1e-5, key
