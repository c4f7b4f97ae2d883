from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from longform_worker.engines import import_rows
from longform_worker.failure import EngineFailure
from longform_worker.jobs import ImportJob
from longform_worker.records import read_record
from recorded_link import RecordedLink
from tiny_world import POLICY, drawing, import_all, source_rows, write


def job(folder: Path, rows: list[dict[str, Any]], image_root: str = "") -> ImportJob:
    fields = {
        "source_rows_path": str(write(folder / "source.jsonl", rows)),
        "rows_path": str(folder / "imported.jsonl"),
        "image_root": image_root,
        "blob_root": str(folder / "blobs"),
        "vision_policy": POLICY,
    }
    return read_record(ImportJob, fields, "import")


def refused(folder: Path, rows: list[dict[str, Any]], image_root: str = "") -> EngineFailure:
    with RecordedLink() as link, pytest.raises(EngineFailure) as caught:
        import_rows.run(job(folder, rows, image_root), link)
    assert not (folder / "imported.jsonl").exists()
    assert not list(folder.glob("*.partial*"))
    return caught.value


def test_rows_keep_their_fields_and_get_stored_images(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"id": "a", "facts": {"n": [1, 2.5]}, "标题": "é", "images": [drawing("red"), drawing("blue", 56, 28)]},
        {"id": "b", "images": []},
        {"id": "c", "images": [drawing("red")]},
    ]
    with RecordedLink() as link:
        result = import_rows.run(job(tmp_path, rows), link)
        assert link.frames("progress")[-1] == {"type": "progress", "done": 3, "total": 3, "unit": "rows"}
    assert result == {"imported": {"rows": 3, "images": 3, "new_images": 2}}
    first, second, third = [json.loads(line) for line in (tmp_path / "imported.jsonl").read_text("utf-8").splitlines()]
    assert {name: first[name] for name in ("id", "facts", "标题")} == {"id": "a", "facts": {"n": [1, 2.5]}, "标题": "é"}
    assert [(image["width"], image["height"]) for image in first["images"]] == [(28, 28), (56, 28)]
    assert second["images"] == []
    assert third["images"] == first["images"][:1]
    for image in first["images"]:
        blob = tmp_path / "blobs" / image["sha256"][:2] / image["sha256"]
        assert hashlib.sha256(blob.read_bytes()).hexdigest() == image["sha256"]


def test_two_imports_write_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        import_all(tmp_path / name, source_rows(12))
    one, two = (
        {
            file.relative_to(tmp_path / name): file.read_bytes()
            for file in (tmp_path / name).rglob("*")
            if file.is_file()
        }
        for name in ("one", "two")
    )
    assert one == two
    assert len(one) > 5


def test_files_are_found_under_the_image_root(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    Image.new("RGB", (100, 50), "#ff0000").save(tmp_path / "images" / "page.jpg")
    with RecordedLink() as link:
        import_rows.run(job(tmp_path, [{"id": "a", "images": [{"path": "page.jpg"}]}], str(tmp_path / "images")), link)
    row = json.loads((tmp_path / "imported.jsonl").read_text())
    assert (row["images"][0]["width"], row["images"][0]["height"]) == (56, 28)


@pytest.mark.parametrize("path", ["../secret.png", "/etc/passwd", "link.png", "folder/secret.png", "a\0b"])
def test_a_path_that_leaves_the_image_root_is_refused(tmp_path: Path, path: str) -> None:
    root = tmp_path / "images"
    root.mkdir()
    Image.new("RGB", (28, 28)).save(tmp_path / "secret.png")
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    (root / "folder").symlink_to(tmp_path)
    failure = refused(tmp_path, [{"id": "a", "images": [{"path": path}]}], str(root))
    assert failure.code == "data_refused"
    assert failure.facts["row"] == "a"


@pytest.mark.parametrize(
    ("images", "expected", "index"),
    [
        ([drawing("red"), {"path": "gone.png"}], "existing file", "1"),
        ([drawing("red")] * 5, "at most 4 images", "0"),
        ([{"url": "http://x"}], '{"path"', "0"),
        ([{"path": "a.png", **drawing("red")}], '{"path"', "0"),
        ("a.png", "a list", "0"),
        (None, "a list", "0"),
        ([{"drawing": {**drawing("red")["drawing"], "width": 0}}], "whole number", "0"),
        ([{"drawing": {**drawing("red")["drawing"], "background": "red"}}], "colour", "0"),
        ([{"drawing": {**drawing("red")["drawing"], "extra": 1}}], "exactly", "0"),
        ([{"drawing": {**drawing("red")["drawing"], "shapes": [{"kind": "star"}]}}], "exactly", "0"),
    ],
)
def test_a_bad_image_is_refused_with_file_row_and_index(tmp_path: Path, images: Any, expected: str, index: str) -> None:
    failure = refused(tmp_path, [{"id": "a", "images": [drawing("red")]}, {"id": "b", "images": images}], str(tmp_path))
    assert failure.code == "data_refused"
    assert expected in failure.facts["expected"]
    assert (failure.facts["row"], failure.facts["image"]) == ("b", index)
    assert failure.facts["file"] == str(tmp_path / "source.jsonl")


def test_every_bad_image_is_told_at_once_and_the_first_ten_are_named(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no image")
    rows = [{"id": f"r{number}", "images": [drawing("red"), {"path": "text.png"}]} for number in range(11)]
    rows.append({"id": "long", "images": [drawing("red", 2010, 10)]})
    failure = refused(tmp_path, [{"id": "many", "images": [drawing("red")] * 5}, *rows], str(tmp_path))
    which, *named = failure.detail.splitlines()
    assert (which, len(named)) == ("the first of them:", 10)
    assert named[0] == 'row many, image 0: "images" must be at most 4 images; found 5.'
    assert named[1].startswith("row r0, image 1: image must be an image file (PNG,")
    assert "text.png, which is none of these" in named[1]
    assert failure.facts["found"] == "13 images that cannot be used"
    assert failure.facts["rows"] == "many, " + ", ".join(f"r{number}" for number in range(9))
    assert failure.facts["file"] == str(tmp_path / "source.jsonl")


def test_an_image_that_no_size_fits_is_refused_with_its_path(tmp_path: Path) -> None:
    Image.new("RGB", (2010, 10)).save(tmp_path / "long.png")
    failure = refused(tmp_path, [{"id": "a", "images": [{"path": "long.png"}]}], str(tmp_path))
    assert failure.facts["found"] == "long.png, 2010x10 pixels"


def test_a_path_without_an_image_root_is_refused(tmp_path: Path) -> None:
    assert "names no image folder" in refused(tmp_path, [{"id": "a", "images": [{"path": "a.png"}]}]).detail


def test_a_data_set_without_rows_is_refused(tmp_path: Path) -> None:
    (tmp_path / "blank").mkdir()
    assert refused(tmp_path, []).facts["expected"] == "at least one row"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{", "a JSON object"),
        ("[1]", "a JSON object"),
        ('{"images": []}', '"id"'),
        ('{"id": "", "images": []}', '"id"'),
        ('{"id": "a", "images": []}', "an id of its own"),
    ],
)
def test_a_bad_line_is_refused_with_its_number(tmp_path: Path, line: str, expected: str) -> None:
    made = job(tmp_path, [{"id": "a", "images": []}])
    with (tmp_path / "source.jsonl").open("a") as file:
        file.write(f"\n{line}\n")
    with RecordedLink() as link, pytest.raises(EngineFailure) as caught:
        import_rows.run(made, link)
    assert expected in caught.value.facts["expected"]
    assert caught.value.facts["line"] == "3"


def test_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    made = job(tmp_path, [{"id": "a", "images": []}])
    (tmp_path / "source.jsonl").write_bytes(b'{"id": "\xff"}\n')
    with RecordedLink() as link, pytest.raises(EngineFailure, match="UTF-8"):
        import_rows.run(made, link)


def test_importing_needs_neither_torch_nor_transformers_nor_numpy() -> None:
    program = (
        "import sys, longform_worker.engines.import_rows\n"
        "print(sorted({'torch', 'transformers', 'numpy', 'grpc'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": "src"},
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout.strip() == "[]"
