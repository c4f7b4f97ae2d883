"""What two ranks do about numbers that are none, a peer that dies or is slow, and weights that arrive wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from faults import BAD_STEP
from ranks import Launch, launch

from longform_worker.engines.train import loop
from longform_worker.jobs import TrainingJob
from longform_worker.records import read_record
from recorded_link import RecordedLink
from tiny_world import training_fields

pytestmark = pytest.mark.ranks

TEXT = ["text plain", "text zero 2 offloaded", "text zero 3"]
MIXED = ["mixed plain", "mixed zero 2", "mixed zero 3"]
LOSS = ["loss plain", "loss zero 2", "loss zero 3"]


def job(world: Path, out: Path, title: str, **changes: Any) -> dict[str, Any]:
    stage = int(title.partition("zero ")[2][:1] or 0)
    zero = {"stage": stage, "offload_optimizer": "offloaded" in title, "offload_parameters": False}
    return training_fields(world, out / title, zero=zero, steps=4, **changes)


@pytest.fixture(scope="module")
def text_rows(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rows of the world that have no images."""
    lines = [line for line in (world / "rows.jsonl").read_text().splitlines() if not json.loads(line)["images"]]
    file = tmp_path_factory.mktemp("text") / "rows.jsonl"
    file.write_text("".join(f"{line}\n" for line in lines))
    return file


@pytest.fixture(scope="module")
def mixed_rows(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two rows, one without images and one with: in a step of both, one rank has images and the other none."""
    lines = (world / "rows.jsonl").read_text().splitlines()[:2]
    assert [bool(json.loads(line)["images"]) for line in lines] == [False, True]
    file = tmp_path_factory.mktemp("mixed") / "rows.jsonl"
    file.write_text("".join(f"{line}\n" for line in lines))
    return file


@pytest.fixture(scope="module")
def faulty(
    world: Path, text_rows: Path, mixed_rows: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Launch]:
    folder = tmp_path_factory.mktemp("faulty")
    jobs = {title: job(world, folder, title) for title in (*LOSS, "corrupted zero 3")}
    jobs.update({title: job(world, folder, title, rows_path=str(text_rows)) for title in TEXT})
    mixed = {"rows_path": str(mixed_rows), "examples_per_step": 2}
    jobs.update({title: job(world, folder, title, **mixed) for title in MIXED})
    return folder, launch(folder, jobs, 2, hook="faults:install")


@pytest.mark.parametrize("title", LOSS)
def test_a_loss_of_one_rank_that_is_no_number_stops_all_before_the_update_and_names_the_rows(
    faulty: tuple[Path, Launch], title: str
) -> None:
    folder, ran = faulty
    assert [step["step"] for step in ran.steps(title)] == list(range(1, BAD_STEP))
    ends = ran.ends(title)
    assert {end["code"] for end in ends} == {"FAILURE_CODE_LOSS_DIVERGED"}
    assert {end["facts"]["step"] for end in ends} == {str(BAD_STEP)}
    assert all(end["facts"]["loss"] == "nan" for end in ends)  # no filter has made a zero of it
    (rows,) = {end["facts"]["rows"] for end in ends}
    assert len(rows.split(", ")) == 4
    stage = int(title.partition("zero ")[2][:1] or 0)
    sums = {json.loads((folder / f"loss-{stage}-{rank}.json").read_text()) for rank in (0, 1)}
    assert len(sums) == 1
    assert sums.pop() == pytest.approx(json.loads((folder / "loss-0-0.json").read_text()), rel=1e-6)


def test_weights_that_differ_from_their_files_after_loading_are_found(faulty: tuple[Path, Launch]) -> None:
    ends = faulty[1].ends("corrupted zero 3")
    assert {end["code"] for end in ends} == {"FAILURE_CODE_INTERNAL"}
    assert all("Weights differ from their files" in end["detail"] for end in ends)


@pytest.mark.parametrize("title", TEXT[1:])
def test_rows_without_any_image_train_the_same_at_every_stage(faulty: tuple[Path, Launch], title: str) -> None:
    _, ran = faulty
    assert ran.losses(title) == pytest.approx(ran.losses(TEXT[0]), rel=2e-6)


@pytest.mark.parametrize("title", MIXED)
def test_a_rank_with_images_and_one_without_train_as_one_rank_does(
    world: Path, mixed_rows: Path, tmp_path: Path, faulty: tuple[Path, Launch], title: str
) -> None:
    fields = job(world, tmp_path, "mixed plain", rows_path=str(mixed_rows), examples_per_step=2)
    with RecordedLink() as link:
        loop.run(read_record(TrainingJob, fields, "training"), link)
        alone = [step["loss"] for step in link.frames("step")]
    assert faulty[1].losses(title) == pytest.approx(alone, rel=2e-6)


def test_a_rank_whose_peer_was_killed_ends_and_blames_the_connection(world: Path, tmp_path: Path) -> None:
    jobs = {"killed zero 2": job(world, tmp_path, "killed zero 2")}
    ran = launch(tmp_path, jobs, 2, hook="faults:install", dying=[1])
    assert ran.codes[1] == -9
    last = ran.frames[0]["killed zero 2"][-1]
    assert (last["type"], last["code"]) == ("failed", "FAILURE_CODE_NODE_LOST")
    assert last["facts"]["collective"] == "true"
    assert not (tmp_path / "killed zero 2" / "trained").exists()


def test_waiting_for_files_outlasts_what_a_step_may_take(tmp_path: Path) -> None:
    launch(tmp_path, {}, 2, hook="faults:patience")
    found = json.loads((tmp_path / "0.json").read_text())
    assert found["waited for files"]
    assert "sums" not in found
    assert found["failure"]["code"] == "FAILURE_CODE_NODE_LOST"
    assert found["failure"]["facts"]["collective"] == "true"


def test_a_bfloat16_training_of_float32_files_moves_the_numbers_of_the_files(world: Path, tmp_path: Path) -> None:
    jobs = {
        title: job(world, tmp_path, title, precision="PRECISION_BFLOAT16") for title in ("zero 1", "zero 2", "zero 3")
    }
    (tmp_path / "opened.json").write_text(json.dumps(jobs))
    launch(tmp_path, {}, 2, hook="faults:exact")
    for rank in (0, 1):
        found = json.loads((tmp_path / f"{rank}.json").read_text())
        assert found.keys() == jobs.keys()
        for weights, equal, dtype in found.values():
            assert weights > 0
            assert equal
            assert dtype == "torch.bfloat16"
