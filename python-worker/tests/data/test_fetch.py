from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_hub import FakeHub, Repository

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hf_of_this_test"  # noqa: S105
WEIGHTS = bytes(range(256)) * 4096
MODEL = {
    "config.json": b"{}",
    "model.safetensors": WEIGHTS,
    "tokenizer.json": b'{"a": 1}',
    "chat_template.jinja": b"{{ x }}",
    "merges.txt": b"a b",
    "pytorch_model.bin": b"a pickle",
    "README.md": b"of a model",
}
KEPT = ["chat_template.jinja", "config.json", "merges.txt", "model.safetensors", "tokenizer.json"]
PROGRAM = Path(__file__).with_name("fetch_program.py")


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    made = FakeHub()
    made.repositories["models/org/model"] = Repository(dict(MODEL), COMMIT)
    yield made
    made.close()


def start(folder: Path, hub: FakeHub, environment: dict[str, str], **fields: Any) -> subprocess.Popen[str]:
    job = {
        "repository": "org/model",
        "revision": "main",
        "holds": "REPOSITORY_KIND_MODEL",
        "token_variable": "",
        **fields,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "job.json").write_text(json.dumps(job))
    tests = Path(__file__).parents[1]
    variables = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{tests.parent / 'src'}",
        "HF_HOME": str(folder / "hf"),
        "HF_ENDPOINT": hub.address,
        "HF_HUB_OFFLINE": "1",  # as the agent starts every engine
        "TRANSFORMERS_OFFLINE": "1",
        **environment,
    }
    command = [sys.executable, str(PROGRAM), str(folder / "job.json")]
    return subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str]) -> tuple[list[dict[str, Any]], str]:
    """The frames of a fetch, and what else it printed."""
    out, errors = process.communicate(timeout=60)
    frames = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    assert frames, errors
    return frames, "\n".join(line for line in out.splitlines() if not line.startswith("{"))


def fetched(folder: Path, hub: FakeHub, **fields: Any) -> dict[str, Any]:
    frames, _ = ended(start(folder, hub, {}, **fields))
    assert frames[-1]["type"] == "done", frames[-1]
    return frames[-1]["fetched"]


def failed(folder: Path, hub: FakeHub, environment: dict[str, str] | None = None, **fields: Any) -> dict[str, Any]:
    frames, _ = ended(start(folder, hub, environment or {}, **fields))
    assert frames[-1]["type"] == "failed", frames[-1]
    assert TOKEN not in json.dumps(frames)
    return frames[-1]


def test_a_model_comes_into_the_standard_cache_without_pickles(tmp_path: Path, hub: FakeHub) -> None:
    frames, _ = ended(start(tmp_path, hub, {}))
    done = frames[-1]["fetched"]
    folder = Path(done["path"])
    assert folder == tmp_path / "hf" / "hub" / "models--org--model" / "snapshots" / COMMIT
    assert sorted(file.name for file in folder.iterdir()) == KEPT
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    total = sum(len(MODEL[name]) for name in KEPT)
    assert (done["commit"], done["bytes"]) == (COMMIT, total)
    assert [frame for frame in frames if frame["type"] == "progress"][-1] == {
        "type": "progress",
        "done": total,
        "total": total,
        "unit": "bytes",
    }
    assert (folder.parent.parent / "refs" / "main").read_text() == COMMIT


def test_a_dataset_comes_as_parquet_and_json(tmp_path: Path, hub: FakeHub) -> None:
    files = {"data/train-00000-of-00001.parquet": b"PAR1", "README.md": b"#", "script.py": b"x", "a.jsonl": b"{}"}
    hub.repositories["datasets/org/data"] = Repository(files, COMMIT)
    done = fetched(tmp_path, hub, repository="org/data", holds="REPOSITORY_KIND_DATASET", revision=COMMIT)
    found = sorted(str(file.relative_to(done["path"])) for file in Path(done["path"]).rglob("*") if file.is_file())
    assert found == ["README.md", "a.jsonl", "data/train-00000-of-00001.parquet"]


def test_what_is_there_is_not_downloaded_again_and_a_full_commit_asks_nobody(tmp_path: Path, hub: FakeHub) -> None:
    first = fetched(tmp_path, hub)
    assert sorted(hub.downloads()) == KEPT
    assert fetched(tmp_path, hub) == first
    assert sorted(hub.downloads()) == KEPT
    hub.close()
    assert fetched(tmp_path, hub, revision=COMMIT) == first


def test_offline_a_branch_stands_for_the_commit_in_the_cache_and_this_is_said(tmp_path: Path, hub: FakeHub) -> None:
    first = fetched(tmp_path, hub)
    hub.close()
    frames, printed = ended(start(tmp_path, hub, {}))
    assert frames[-1]["fetched"] == first
    assert printed == f"offline: revision main stands for commit {COMMIT} of the local cache"


@pytest.mark.parametrize("revision", ["main", COMMIT])
def test_offline_without_a_copy_is_a_failure_of_its_own(tmp_path: Path, hub: FakeHub, revision: str) -> None:
    hub.close()
    failure = failed(tmp_path, hub, revision=revision)
    assert failure["code"] == "FAILURE_CODE_ENVIRONMENT_MISSING"
    expected = (
        f"the repository org/model at revision {revision} is not in the local cache, and the hub cannot be reached: "
    )
    assert failure["detail"].startswith(expected)
    assert failure["facts"]["repository"] == "org/model"


def test_a_hub_that_fails_is_a_hub_that_cannot_be_reached(tmp_path: Path, hub: FakeHub) -> None:
    hub.repositories["models/org/model"].status = 503
    assert "HTTP 503" in failed(tmp_path, hub)["detail"]


def test_half_a_copy_is_no_copy(tmp_path: Path, hub: FakeHub) -> None:
    folder = Path(fetched(tmp_path, hub)["path"])
    (folder / "model.safetensors").unlink()
    hub.close()
    assert "only in part in the local cache" in failed(tmp_path, hub, revision=COMMIT)["detail"]


def test_a_token_is_taken_from_the_named_variable_alone(tmp_path: Path, hub: FakeHub) -> None:
    hub.repositories["models/org/model"].token = TOKEN
    (tmp_path / "hf").mkdir(parents=True)
    (tmp_path / "hf" / "token").write_text(TOKEN)
    nothing = failed(tmp_path, hub, {"HF_TOKEN": TOKEN})
    assert nothing["code"] == "FAILURE_CODE_MODEL_REFUSED"
    assert nothing["facts"]["found"] == "no such repository"
    frames, _ = ended(start(tmp_path, hub, {"OUR_TOKEN": TOKEN}, token_variable="OUR_TOKEN"))  # noqa: S106
    assert frames[-1]["type"] == "done"


def test_a_variable_that_is_not_set_is_named(tmp_path: Path, hub: FakeHub) -> None:
    failure = failed(tmp_path, hub, {"OUR_TOKEN": " "}, token_variable="OUR_TOKEN")  # noqa: S106
    assert (failure["code"], failure["field_path"]) == ("FAILURE_CODE_SPEC_REFUSED", "fetch.token_variable")
    assert failure["facts"]["found"] == "no OUR_TOKEN where the worker runs"


@pytest.mark.parametrize(
    ("change", "fields", "found", "hint"),
    [
        ({"token": "x", "gated": True}, {}, "a gate that the token does not open", "/org/model"),
        ({"token": "x"}, {}, "no such repository", "tokenVariable"),
        ({"status": 403}, {}, "HTTP 403", "tokenVariable"),
        ({}, {"revision": "v9"}, "no revision v9", ""),
        ({}, {"repository": "org/gone"}, "no such repository", "Check the name"),
        (
            {"files": {"config.json": b"{}", "pytorch_model.bin": b"x"}},
            {},
            "config.json, pytorch_model.bin",
            "safetensors",
        ),
        ({"files": {}}, {}, "no files", "safetensors"),
    ],
)
def test_what_the_hub_refuses_names_repository_and_revision(
    tmp_path: Path, hub: FakeHub, change: dict[str, Any], fields: dict[str, Any], found: str, hint: str
) -> None:
    for name, value in change.items():
        setattr(hub.repositories["models/org/model"], name, value)
    failure = failed(tmp_path, hub, **fields)
    assert failure["code"] == "FAILURE_CODE_MODEL_REFUSED"
    assert failure["facts"]["found"] == found
    assert hint in failure["facts"].get("hint", "")
    assert failure["facts"]["repository"] == fields.get("repository", "org/model")
    assert failure["facts"]["revision"] == fields.get("revision", "main")
    assert hub.downloads() == []


def test_a_dataset_without_parquet_is_refused_as_data(tmp_path: Path, hub: FakeHub) -> None:
    hub.repositories["datasets/org/data"] = Repository({"rows.csv": b"a"}, COMMIT)
    failure = failed(tmp_path, hub, repository="org/data", holds="REPOSITORY_KIND_DATASET")
    assert failure["code"] == "FAILURE_CODE_DATA_REFUSED"
    assert "refs/convert/parquet" in failure["facts"]["hint"]


def test_a_name_that_no_repository_can_have_is_refused(tmp_path: Path, hub: FakeHub) -> None:
    failure = failed(tmp_path, hub, repository="org/-model--x")
    assert (failure["code"], failure["field_path"]) == ("FAILURE_CODE_SPEC_REFUSED", "fetch.repository")


def test_a_disk_without_room_is_found_before_anything_is_downloaded(tmp_path: Path, hub: FakeHub) -> None:
    hub.repositories["models/org/model"].sizes = {"model.safetensors": 10**18}
    failure = failed(tmp_path, hub)
    assert failure["code"] == "FAILURE_CODE_DISK_FULL"
    assert "1000000000000000" in failure["facts"]["expected"]
    assert hub.downloads() == []


def test_a_download_that_breaks_off_goes_on_where_it_was(tmp_path: Path, hub: FakeHub) -> None:
    weights = WEIGHTS * 12
    repository = hub.repositories["models/org/model"]
    repository.files["model.safetensors"] = weights
    repository.cuts = {"model.safetensors": 11 * 1024 * 1024}
    folder = Path(fetched(tmp_path, hub)["path"])
    assert (folder / "model.safetensors").read_bytes() == weights
    assert f"model.safetensors from {10 * 1024 * 1024}" in hub.downloads()  # it writes ten MiB at a time


def test_after_a_kill_only_what_is_missing_is_downloaded(tmp_path: Path, hub: FakeHub) -> None:
    gate = threading.Event()
    hub.repositories["models/org/model"].holds = {"model.safetensors": gate}
    process = start(tmp_path, hub, {})
    folder = tmp_path / "hf" / "hub" / "models--org--model" / "snapshots" / COMMIT
    deadline = time.monotonic() + 30
    while not (folder.is_dir() and len(list(folder.iterdir())) == len(KEPT) - 1):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.communicate()
    gate.set()
    hub.requests.clear()
    assert Path(fetched(tmp_path, hub)["path"]) == folder
    assert hub.downloads() == ["model.safetensors"]
