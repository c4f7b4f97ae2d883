from __future__ import annotations

import importlib
import shutil
from pathlib import Path
from typing import Any

import pytest

from longform_worker.engines.train import loop
from recorded_link import RecordedLink
from tiny_world import training_job

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def steps_of(folder: Path) -> dict[str, dict[int, float]]:
    library: Any = importlib.import_module("tensorboard.backend.event_processing.event_accumulator")
    events = library.EventAccumulator(str(folder))
    events.Reload()
    return {name: {event.step: event.value for event in events.Scalars(name)} for name in events.Tags()["scalars"]}


def test_tensorboard_shows_every_step_once_also_after_an_attempt_that_went_further(world: Path, tmp_path: Path) -> None:
    board = tmp_path / "board"
    changes: dict[str, Any] = {"steps": 4, "checkpoint_every_steps": 2, "tensorboard_path": str(board)}
    with RecordedLink() as link:
        loop.run(training_job(world, tmp_path, **changes), link)
        frames = link.frames("step")
    shutil.rmtree(tmp_path / "checkpoints" / "step-00000004")
    with RecordedLink() as link:
        loop.run(training_job(world, tmp_path, **changes), link)
        assert [frame["step"] for frame in link.frames("step")] == [3, 4]
    shown = steps_of(board)
    fields = {
        "loss": "loss",
        "gradient_norm": "gradient_norm",
        "learning_rate/peak_0.003": "learning_rate",
        "tokens/all": "tokens",
        "tokens/target": "target_tokens",
    }
    for name, field in fields.items():
        assert list(shown[name]) == [1, 2, 3, 4]
        assert [shown[name][step] for step in (1, 2, 3, 4)] == pytest.approx([frame[field] for frame in frames])
    assert {"seconds/data", "seconds/forward", "seconds/backward", "seconds/update"} <= set(shown)
    assert shown["memory/process_bytes"][4] > 100_000_000


def test_without_a_folder_nothing_is_written(world: Path, tmp_path: Path) -> None:
    with RecordedLink() as link:
        loop.run(training_job(world, tmp_path, steps=1), link)
    assert not list(tmp_path.rglob("*tfevents*"))
