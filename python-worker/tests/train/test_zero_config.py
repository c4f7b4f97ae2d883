from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from longform_worker.engines.train.backend.zero_config import zero_config
from longform_worker.jobs import Precision, Zero

RECORDED: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[3] / "test" / "golden" / "zero-configs.json").read_text()
)


@pytest.mark.parametrize("case", RECORDED, ids=[case["title"] for case in RECORDED])
def test_the_configuration_is_the_one_that_a_plan_prints(case: dict[str, Any]) -> None:
    settings = case["settings"]
    zero = Zero(
        stage=settings["zero"]["stage"],
        offload_optimizer=settings["zero"]["offloadOptimizer"],
        offload_parameters=settings["zero"]["offloadParameters"],
    )
    precision = Precision(f"PRECISION_{settings['precision'].upper()}")
    assert zero_config(zero, precision, settings["maxGradientNorm"]) == case["config"]
