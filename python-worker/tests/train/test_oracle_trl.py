"""The loss and gradient norm of a step against TRL's SFTTrainer, on the same rows with images."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from longform_worker.data.images import blob_path
from longform_worker.engines.train.attention import rows_attention
from longform_worker.engines.train.backend.ranks import Ranks
from longform_worker.engines.train.collate import Filler
from longform_worker.engines.train.plan import plan_rows
from longform_worker.engines.train.step import Trainer
from longform_worker.jobs import Precision
from longform_worker.models.loaded import load_model
from tiny_world import training_job

NUMBERS = (1, 6, 3, 7)  # with 1, 2, 3 and 3 images
pytestmark = pytest.mark.skipif(importlib.util.find_spec("trl") is None, reason="trl is not installed")


@pytest.fixture(scope="module")
def oracle(world: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[float, float]]:
    lines = [json.loads(line) for line in (world / "rows.jsonl").read_text().splitlines()]
    rows = [lines[number] for number in NUMBERS]
    for row in rows:
        row["images"] = [str(blob_path(world / "blobs", image["sha256"])) for image in row["images"]]
    file = tmp_path_factory.mktemp("trl") / "rows.json"
    file.write_text(json.dumps(rows))
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("trl_program.py")), str(world / "model"), str(file)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        timeout=300,
    )
    results = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    assert results, done.stderr[-3000:]
    found: dict[str, tuple[float, float]] = json.loads(results[0].removeprefix("RESULT "))
    return found


def ours(world: Path, out: Path, normalisation: str, tokens_per_pass: int) -> tuple[float, float, int]:
    changes: dict[str, Any] = {"tokens_per_pass": tokens_per_pass}
    job = training_job(world, out, loss_normalisation=f"LOSS_NORMALISATION_{normalisation}", **changes)
    loaded = load_model(world / "model", Precision.FLOAT32, rows_attention())
    rows = plan_rows(world / "rows.jsonl", loaded, job)
    trainer = Trainer(loaded, job, Ranks(0, 0, 1), Filler.of_training(loaded, rows))
    report = trainer.step(1, [rows[number] for number in NUMBERS], 1e-3)
    return report.loss, report.gradient_norm, report.passes


def test_every_way_of_accumulation_gives_trls_loss_and_gradient_norm(
    world: Path, tmp_path: Path, oracle: dict[str, tuple[float, float]]
) -> None:
    found = [ours(world, tmp_path, "TOKEN", tokens) for tokens in (1_000, 110, 1)]
    assert [passes for _, _, passes in found] == [1, 2, 4]
    for loss, norm, _ in found:
        for way in ("4x1", "2x2", "1x4"):
            assert loss == pytest.approx(oracle[way][0], rel=1e-5), way
            assert norm == pytest.approx(oracle[way][1], rel=1e-5), way


def test_examples_that_weigh_the_same_give_what_trl_makes_of_single_rows(
    world: Path, tmp_path: Path, oracle: dict[str, tuple[float, float]]
) -> None:
    found = [ours(world, tmp_path, "EXAMPLE", tokens) for tokens in (1_000, 110, 1)]
    for loss, norm, _ in found:
        assert loss == pytest.approx(oracle["by example"][0], rel=1e-5)
        assert norm == pytest.approx(oracle["by example"][1], rel=1e-5)
    assert abs(oracle["by example"][0] - oracle["4x1"][0]) > 1e-4
