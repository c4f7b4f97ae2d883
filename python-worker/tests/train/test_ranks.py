"""Trainings on one rank and on two, at every stage: the same numbers, and exact resumption.

Launches are shared: the first ones train undisturbed and to a stop, the second ones, in new processes, go on. What the
slow tier adds has launches of its own.
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

pytestmark = pytest.mark.ranks

STEPS = 9  # 24 rows, 4 a step: an epoch is 6 steps
STOPS = (3, 7)  # in the first epoch and in the second
PARTS = ["MODEL_PART_LANGUAGE", "MODEL_PART_VISION", "MODEL_PART_MERGER"]
LORA = {"lora": {"rank": 4, "alpha": 8.0, "dropout": 0.0, "targets": PARTS, "layers": "ADAPTER_LAYERS_ALL"}}
BFLOAT16 = {"precision": "PRECISION_BFLOAT16"}
# Few tokens to a pass: a step has several.
SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {"zero": (0, False, False)},
    "zero 1": {"zero": (1, False, False)},
    "zero 2": {"zero": (2, False, False), "tokens_per_pass": 40},
    "zero 3": {"zero": (3, False, False), "tokens_per_pass": 40},
    "zero 2 offloaded": {"zero": (2, True, False)},
    "zero 3 offloaded": {"zero": (3, True, True)},
    "lora": {"zero": (0, False, False), "tuning": LORA},
    "lora zero 2": {"zero": (2, False, False), "tuning": LORA},
    "lora zero 3": {"zero": (3, False, False), "tuning": LORA, "gradient_checkpointing": True},
    "lora zero 3 bfloat16": {"zero": (3, False, False), "tuning": LORA, "gradient_checkpointing": True, **BFLOAT16},
    "bfloat16": {"zero": (2, False, False), **BFLOAT16},
}
RESUMED = ["plain", "zero 1", "zero 2", "zero 3", "bfloat16", "lora zero 3"]


class Launched(NamedTuple):
    """What a first launch trains: whole trainings, and trainings that are stopped at a step."""

    ranks: int
    whole: list[str]
    stopped: list[tuple[str, int]]


LAUNCHES = {
    "one": Launched(1, ["plain", "zero 2", "zero 3", "lora"], [("plain", 3), ("zero 3", 3), ("zero 2", 7)]),
    "two": Launched(
        2,
        list(SETTINGS),
        [*((title, 3) for title in RESUMED), *((title, 7) for title in ("plain", "zero 2", "zero 3"))],
    ),
    "one slow": Launched(1, list(SETTINGS), [(title, stop) for title in RESUMED for stop in STOPS]),
    "two slow": Launched(
        2, ["zero 1", "bfloat16", "lora zero 3"], [(title, 7) for title in ("zero 1", "bfloat16", "lora zero 3")]
    ),
}
# Gone on with at another number of ranks and another stage: the launch that wrote, what, and how it is read.
CONVERTED = {"one": [("two", "zero 3", "zero 1"), ("two", "zero 2", "plain")], "two": [("one", "plain", "zero 3")]}


def cases(titles: list[str]) -> list[Any]:
    """Launch and title of every whole training with one of these titles."""
    return [
        pytest.param(name, title, marks=[pytest.mark.slow] if "slow" in name else [])
        for name, launched in LAUNCHES.items()
        for title in titles
        if title in launched.whole
    ]


def stopped_cases() -> list[Any]:
    """Launch, title and stop of every training that was stopped."""
    return [
        pytest.param(name, *stopped, marks=[pytest.mark.slow] if "slow" in name else [])
        for name, launched in LAUNCHES.items()
        for stopped in launched.stopped
    ]


class Launches:
    """First and second launches, each made when it is first asked for."""

    def __init__(self, world: Path, folder: Path) -> None:
        self._world = world
        self._folder = folder
        self._first: dict[str, Launch] = {}
        self._second: dict[str, Launch] = {}

    def folder(self, name: str, title: str) -> Path:
        """What a training writes into."""
        return self._folder / name / title

    def first(self, name: str) -> Launch:
        """Trains to the end and to stops."""
        if name not in self._first:
            launched = LAUNCHES[name]
            jobs = {title: job(self._world, self.folder(name, title), title) for title in launched.whole}
            stop = {f"{title} to {step}": step for title, step in launched.stopped}
            for title, step in launched.stopped:
                stopped = f"{title} to {step}"
                jobs[stopped] = job(self._world, self.folder(name, stopped), title)
            self._first[name] = launch(self._folder / name, jobs, launched.ranks, stop=stop)
            for writer, title, _ in [case for converted in CONVERTED.values() for case in converted]:
                if writer == name:
                    # Whoever goes on with it on its own number of ranks removes it at its end.
                    shutil.copytree(self.folder(name, f"{title} to 3") / "checkpoints", self.kept(name, title))
        return self._first[name]

    def kept(self, writer: str, title: str) -> Path:
        """A copy of the checkpoints at step 3 of a training, for others to go on with."""
        return self._folder / "kept" / writer / title

    def second(self, name: str) -> Launch:
        """Goes on with what was stopped."""
        if name not in self._second:
            self.first(name)
            jobs: dict[str, dict[str, Any]] = {}
            for title, step in LAUNCHES[name].stopped:
                stopped = f"{title} to {step}"
                jobs[stopped] = job(self._world, self.folder(name, stopped), title)
            for writer, title, reader in CONVERTED.get(name, []):
                self.first(writer)
                copy = self.folder(f"{name} again", title)
                shutil.copytree(self.kept(writer, title), copy / "checkpoints")
                jobs[f"converted {title}"] = job(self._world, copy, reader)
            self._second[name] = launch(self._folder / f"{name} again", jobs, LAUNCHES[name].ranks)
        return self._second[name]


@pytest.fixture(scope="module")
def launches(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Launches:
    return Launches(world, tmp_path_factory.mktemp("launches"))


def job(world: Path, out: Path, title: str) -> dict[str, Any]:
    fields = training_fields(world, out, steps=STEPS, **SETTINGS[title])
    stage, optimizer, parameters = fields["zero"]
    zero = {"stage": stage, "offload_optimizer": optimizer, "offload_parameters": parameters}
    gate = {"rows_path": fields["rows_path"], "metric": "GATE_METRIC_EXACT_MATCH", "at_least": 0.0, "every_steps": 5}
    return {**fields, "zero": zero, "gate": {**gate, "extra_rounds": 0}}


def stopped_at(first: Launch, name: str) -> int:
    """The step that all ranks stopped at."""
    (step,) = {int(end["facts"]["step"]) for end in first.ends(name)}
    return step


def same_training(launches: Launches, name: str, title: str, expected: str) -> None:
    """Losses, gradient norms and weights are those of a training on one rank without DeepSpeed."""
    found, wanted = launches.first(name), launches.first("one")
    assert found.losses(title) == pytest.approx(wanted.losses(expected), rel=2e-6)
    norms, wanted_norms = (
        [step["gradient_norm"] for step in ran.steps(its)] for ran, its in ((found, title), (wanted, expected))
    )
    assert norms == pytest.approx(wanted_norms, rel=1e-5)
    weights = read_tensors(launches.folder("one", expected) / "trained" / "model.safetensors")
    made = read_tensors(launches.folder(name, title) / "trained" / "model.safetensors")
    assert made.keys() == weights.keys()
    for key, weight in made.items():
        assert weight.numel()
        assert (weight - weights[key]).abs().max() < 1e-5, key
    assert [frame["value"] for frame in found.frames[0][title] if frame["type"] == "gate"] == [
        frame["value"] for frame in wanted.frames[0][expected] if frame["type"] == "gate"
    ]


FULL = [title for title in SETTINGS if "bfloat16" not in title and "lora" not in title]


@pytest.mark.parametrize(("name", "title"), cases(FULL))
def test_every_stage_trains_as_one_rank_without_deepspeed(launches: Launches, name: str, title: str) -> None:
    same_training(launches, name, title, "plain")


@pytest.mark.parametrize(("name", "title"), cases(["lora", "lora zero 2", "lora zero 3"]))
def test_adapters_train_the_same_at_every_stage(launches: Launches, name: str, title: str) -> None:
    same_training(launches, name, title, "lora")
    assert launches.first(name).losses(title)[-1] < launches.first(name).losses(title)[0]


@pytest.mark.parametrize(("name", "title"), cases(["bfloat16", "lora zero 3 bfloat16"]))
def test_bfloat16_under_zero_is_near_float32(launches: Launches, name: str, title: str) -> None:
    exact = launches.first("one").losses("lora" if "lora" in title else "plain")
    assert launches.first(name).losses(title) == pytest.approx(exact, rel=0.02)
    assert launches.first(name).losses(title) != exact


def test_a_step_of_two_ranks_is_told_once_and_counts_both(launches: Launches) -> None:
    one, two = launches.first("one"), launches.first("two")
    assert {frame["type"] for frame in two.frames[1]["zero 2"]} == {"phase", "done"}
    assert len(two.frames[1]["zero 2"]) == 5
    for alone, both in zip(one.steps("zero 2"), two.steps("zero 2"), strict=True):
        assert (alone["ranks"], both["ranks"]) == (1, 2)
        assert (both["tokens"], both["target_tokens"]) == (alone["tokens"], alone["target_tokens"])
        assert both["passes"] == -(-alone["passes"] // 2)
        assert both["peak_memory_bytes"] > 100_000_000
        assert both["peak_device_memory_bytes"] == 0
    assert max(step["passes"] for step in two.steps("zero 2")) > 1
    assert {step["passes"] for step in two.steps("plain")} == {1}
    assert "recomputed reentrantly" in two.logs[0]


@pytest.mark.parametrize(("name", "title", "step"), stopped_cases())
def test_a_training_stopped_and_gone_on_with_in_new_processes_ends_in_the_very_same_weights(
    launches: Launches, name: str, title: str, step: int
) -> None:
    whole, again, stopped = launches.first(name), launches.second(name), f"{title} to {step}"
    at = stopped_at(whole, stopped)
    assert at in (step, step + 1)  # the ranks may have agreed on the next step before the signal came
    assert again.losses(stopped) == whole.losses(title)[at:]
    assert again.weights(stopped) == whole.weights(title)


@pytest.mark.parametrize(
    ("name", "writer", "title"), [(name, writer, title) for name in CONVERTED for writer, title, _ in CONVERTED[name]]
)
def test_a_training_goes_on_with_another_number_of_ranks_at_another_stage(
    launches: Launches, name: str, writer: str, title: str
) -> None:
    again = launches.second(name)
    at = stopped_at(launches.first(writer), f"{title} to 3")
    plain = launches.first("one").losses("plain")
    assert again.losses(f"converted {title}") == pytest.approx(plain[at:], rel=2e-6)
    assert again.steps(f"converted {title}")[0]["step"] == at + 1
    assert "Going on from" in again.logs[0]
    assert "; written by" in again.logs[0]


def test_a_stop_of_one_rank_is_one_of_all_with_a_checkpoint_and_no_success(launches: Launches) -> None:
    two = launches.first("two")
    ends = two.ends("zero 3 to 3")
    assert {end["type"] for end in ends} == {"failed"}
    assert {end["code"] for end in ends} == {"FAILURE_CODE_PREEMPTED"}
    (checkpoint,) = {end["facts"]["checkpoint"] for end in ends}
    kept = launches.kept("two", "zero 3") / Path(checkpoint).name
    assert read_manifest(kept)["ranks"] == 2
    told = [frame["phase"] for frame in two.frames[0]["zero 3 to 3"] if frame["type"] == "phase"]
    assert told == ["PHASE_LOADING", "PHASE_PLANNING", "PHASE_RUNNING"]
