from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from longform_worker.failure import EngineFailure
from longform_worker.jobs import FullTuning, GateMetric, ModelPart, TrainingJob
from longform_worker.records import read_record
from tiny_world import training_fields

GATE = {"rows_path": "g", "metric": "GATE_METRIC_EXACT_MATCH", "at_least": 1, "every_steps": 2, "extra_rounds": 0}


def changed(path: str, value: object) -> dict[str, Any]:
    fields = copy.deepcopy(training_fields(Path("w"), Path("o"), gate=GATE))
    *parents, last = path.split(".")
    place = fields
    for parent in parents:
        place = place[parent]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return fields


def test_a_job_is_read_as_it_was_sent() -> None:
    job = read_record(TrainingJob, changed("tuning.full.frozen_parts", ["MODEL_PART_VISION"]), "training")
    assert job.gate is not None
    assert job.gate.metric is GateMetric.EXACT_MATCH
    assert job.gate.at_least == 1.0
    assert job.tuning.full == FullTuning(frozen_parts=(ModelPart.VISION,))
    assert job.tuning.lora is None


def test_only_what_may_be_absent_may_be_absent() -> None:
    fields = changed("gate", None)
    del fields["tuning"]["full"]["frozen_parts"]
    job = read_record(TrainingJob, fields, "training")
    assert job.gate is None
    assert job.tuning.full == FullTuning(frozen_parts=())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("steps", None),
        ("optimizer.beta1", None),
        ("steps", -1),
        ("steps", 1.5),
        ("steps", True),
        ("steps", "6"),
        ("optimizer.beta1", float("nan")),
        ("precision", "PRECISION_UNSPECIFIED"),
        ("precision", "float32"),
        ("vision_policy.resize", 1),
        ("gradient_checkpointing", 0),
        ("tuning.full.frozen_parts.0", "MODEL_PART_ALL"),
        ("tuning.full.frozen_parts", "MODEL_PART_VISION"),
        ("model_path", 3),
        ("optimizer", [1]),
        ("stepz", 3),
        ("gate.every", 3),
    ],
)
def test_a_wrong_field_is_refused_by_its_path(path: str, value: object) -> None:
    fields = (
        changed("tuning.full.frozen_parts", [value]) if path == "tuning.full.frozen_parts.0" else changed(path, value)
    )
    with pytest.raises(EngineFailure) as caught:
        read_record(TrainingJob, fields, "training")
    assert caught.value.code == "spec_refused"
    assert caught.value.field_path == f"training.{path}"
    assert caught.value.facts["expected"]
