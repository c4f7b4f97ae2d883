from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from foreign_data import TALK, Row, picture, put, read, refused, table

HELD = {"bytes": picture(), "path": None}


def row(messages: Any, *images: Any, **further: Any) -> Row:
    return {"messages": messages, "images": [*images], **further}


TEXTS = ["<image>Write.", "Words."]
OBJECTS = [{"role": "user", "content": "<image>Write."}, TALK[1]]
ENCODED = [json.dumps(message) for message in OBJECTS]
FROM_VALUE = [{"from": "human", "value": "<image>Write."}, {"from": "gpt", "value": "Words."}]
PARTS = [
    {"role": "user", "content": [{"type": "image", "text": None}, {"type": "text", "text": "Write."}]},
    {"role": "assistant", "content": [{"type": "text", "text": "Words."}]},
]


@pytest.mark.parametrize(
    ("messages", "form"),
    [
        (TEXTS, "strings, user and assistant in turn"),
        (ENCODED, "JSON-encoded role/content objects"),
        ([json.dumps(message) for message in FROM_VALUE], "JSON-encoded from/value objects"),
        (OBJECTS, "role/content objects"),
        (FROM_VALUE, "from/value objects"),
        (PARTS, "role/content objects"),
    ],
)
def test_every_form_of_messages_is_sniffed_and_said(tmp_path: Path, messages: Any, form: str) -> None:
    path = table(tmp_path / "rows.parquet", [row(messages, HELD, id=7), row(messages, HELD, id=8)])
    rows, result = read(tmp_path, path, "PARQUET")
    assert [(item["id"], item["prompt"], item["target"]) for item in rows] == [
        ("7", "Write.", "Words."),
        ("8", "Write.", "Words."),
    ]
    assert f"messages: {form};" in result["found"]
    assert result["found"].startswith("parquet in rows.parquet;")
    assert result["found"].endswith(
        "images: 2 as bytes (PNG); image tags at the start of the prompts, removed: "
        'promptLayout "imagesFirst"; ids: from the rows; languages: 2 en; 2 rows'
    )


@pytest.mark.parametrize("image", [HELD, picture(), {"bytes": picture(), "path": "x.png"}])
def test_images_that_are_bytes_are_written_by_content(tmp_path: Path, image: Any) -> None:
    rows, result = read(tmp_path, table(tmp_path / "rows.parquet", [row(TEXTS, image)] * 3), "PARQUET")
    assert result["image_root"] == str(tmp_path / "out" / "images")
    assert (Path(result["image_root"]) / rows[2]["images"][0]["path"]).read_bytes() == picture()


@pytest.mark.parametrize("image", ["a.png", {"bytes": None, "path": "a.png"}])
def test_images_that_are_paths_stay_where_they_are(tmp_path: Path, image: Any) -> None:
    put(tmp_path, "a.png")
    rows, result = read(tmp_path, table(tmp_path / "rows.parquet", [row(TEXTS, image)]), "PARQUET")
    assert (rows[0]["images"], result["image_root"]) == ([{"path": "a.png"}], str(tmp_path))


def test_question_and_answer_are_a_conversation(tmp_path: Path) -> None:
    path = table(tmp_path / "rows.parquet", [{"question": "Write.", "answer": "Words.", "L": 90, "images": [HELD] * 2}])
    rows, result = read(tmp_path, path, "PARQUET")
    assert (rows[0]["prompt"], rows[0]["target"], rows[0]["L"], len(rows[0]["images"])) == ("Write.", "Words.", 90, 2)
    assert "no image tags: promptLayout decides" in result["found"]


def test_images_without_tags_are_in_order_when_no_row_has_tags(tmp_path: Path) -> None:
    rows, _ = read(tmp_path, table(tmp_path / "r.parquet", [row(["Write.", "Words."], HELD, HELD)]), "PARQUET")
    assert len(rows[0]["images"]) == 2
    mixed = [row(["Write.", "Words."], HELD), row(TEXTS, HELD)]
    failure = refused(tmp_path / "b", table(tmp_path / "b" / "m.parquet", mixed), "PARQUET")
    assert (failure.facts["field"], failure.facts["expected"]) == ("image tags", "no tags in the text, as in row 1")


def test_shards_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    for index in (2, 0, 1):
        table(
            tmp_path / "data" / f"train-0000{index}-of-00003.parquet",
            [row(TEXTS, HELD, id=f"{index}{n}") for n in "ab"],
        )
    rows, result = read(tmp_path, tmp_path, "PARQUET", limit=5)
    assert [item["id"] for item in rows] == ["0a", "0b", "1a", "1b", "2a"]
    assert result["found"].startswith("3 parquet files;")
    assert result["image_root"] == str(tmp_path / "out" / "images")


def test_a_missing_shard_is_refused(tmp_path: Path) -> None:
    for index in (0, 2):
        table(tmp_path / f"train-0000{index}-of-00004.parquet", [row(TEXTS, HELD)])
    assert refused(tmp_path, tmp_path, "PARQUET").facts["found"] == "no shard 00001, 00003"


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("data/train-00000-of-00001", "data/test-00000-of-00001"),
        ("data/train-00000-of-00001-0123456789abcdef", "data/test-00000-of-00001-0123456789abcdef"),
        ("train", "validation"),
        ("default/train/0000", "default/test/0000"),
    ],
)
def test_the_split_to_train_on_is_taken_and_said(tmp_path: Path, train: str, test: str) -> None:
    for name in (test, train):
        table(tmp_path / f"{name}.parquet", [row(TEXTS, HELD, source=name)])
    rows, result = read(tmp_path, tmp_path, "PARQUET")
    assert [item["source"] for item in rows] == [train]
    assert " of the split train (beside it: " in result["found"]


@pytest.mark.parametrize(
    "names", [("a-00000-of-00001", "b-00000-of-00001"), ("train-00000-of-00001", "more"), ("a/train", "b/train")]
)
def test_files_of_which_nobody_can_say_which_to_read_are_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        table(tmp_path / f"{name}.parquet", [row(TEXTS, HELD)])
    assert "one split" in refused(tmp_path, tmp_path, "PARQUET").facts["expected"]


def test_a_folder_without_parquet_and_a_file_that_is_none_are_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, tmp_path, "PARQUET").facts["found"] == "none"
    whole = table(tmp_path / "rows.parquet", [row(TEXTS, HELD)]).read_bytes()
    for content in (b"", b"PAR1 nothing", whole[:-20], whole[:200] + bytes(200) + whole[400:]):
        (tmp_path / "rows.parquet").write_bytes(content)
        assert "can be read" in refused(tmp_path, tmp_path / "rows.parquet", "PARQUET").facts["expected"]


BAD: list[tuple[list[Row], str, str, str]] = [
    ([row([*TEXTS, *TEXTS])], "messages", "one user turn", "2 user and 2 assistant turns"),
    ([row([TEXTS[0]])], "messages", "one user turn", "the turns user"),
    ([row([ENCODED[0], "Words."])], "messages", "strings alone", "1 JSON-encoded objects among 2 strings"),
    ([row(TEXTS, HELD), row(ENCODED, HELD)], "messages", "as in row 1", "JSON-encoded role/content objects"),
    ([row(TEXTS, HELD, HELD)], "images", "one <image>", "1 tags and 2 images"),
    ([row(TEXTS, {"bytes": b"GIF is not this", "path": None})], "images[0]", "an image", "15 bytes that begin"),
    ([row(TEXTS, {"bytes": b"", "path": None})], "images[0]", "1 to", "0 bytes"),
    ([row(TEXTS, HELD), row(TEXTS, {"bytes": None, "path": "a.png"})], "images", "bytes, as in row 1", "paths"),
    ([row([1, 2], HELD)], "messages", "text, role/content objects", "1"),
    ([{"question": "Write.", "L": 90, "images": [HELD]}], "messages", "question and answer", "question, L, images"),
    ([{"text": "x"}], "messages", "messages", "text"),
    ([{"messages": TEXTS, "conversations": TEXTS}], "messages", "one column", "messages and conversations"),
    ([{"messages": TEXTS, "chosen": TEXTS, "rejected": TEXTS}], "chosen", "one answer", "preference"),
    ([{"messages": TEXTS, "image": HELD}], "image", 'a list "images"', "bytes"),
    ([{"messages": "text"}], "messages", "a list", "text"),
    ([row(TEXTS, HELD, id=1), row(TEXTS, HELD, id=1)], "id", "an id of its own", "1 a second time, first in row 1"),
]


@pytest.mark.parametrize(("rows", "field", "expected", "found"), BAD)
def test_rows_that_are_not_clear_are_refused(
    tmp_path: Path, rows: list[Row], field: str, expected: str, found: str
) -> None:
    put(tmp_path, "a.png")
    failure = refused(tmp_path, table(tmp_path / "rows.parquet", rows), "PARQUET")
    assert failure.facts["field"] == field
    assert expected in failure.facts["expected"]
    assert found in failure.facts["found"]
    assert failure.facts["row"] == f"row {len(rows)}"


def test_nested_columns_and_missing_numbers_are_not_kept_in_silence(tmp_path: Path) -> None:
    rows = [row(TEXTS, HELD, meta={"a": 1}, blob=b"x", score=float("nan"), target="old", good=True)]
    made, result = read(tmp_path, table(tmp_path / "rows.parquet", rows), "PARQUET")
    assert (made[0]["score"], made[0]["good"], made[0]["target"]) == (None, True, "Words.")
    left_out = "blob (not a plain value), meta (not a plain value), target (the name is taken)"
    assert f"columns that rows do not keep: {left_out}" in result["found"]


def test_memory_stays_flat_however_large_the_row_group_is(tmp_path: Path) -> None:
    arrow: Any = importlib.import_module("pyarrow")
    schema = arrow.schema([("messages", arrow.list_(arrow.string())), ("images", arrow.list_(arrow.binary()))])
    big = picture() + bytes(4 * 1024 * 1024)
    rows = [row(TEXTS, big + index.to_bytes(2, "big")) for index in range(40)]
    table(tmp_path / "rows.parquet", rows, schema, compression="none", row_group_size=40)
    assert (tmp_path / "rows.parquet").stat().st_size > 150 * 1024 * 1024
    program = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "sys.path[:0] = ['src', 'tests', 'tests/data']\n"
        "import pyarrow.parquet\n"
        "from longform_worker.data.importers.parquet import read_parquet\n"
        "from longform_worker.data.importers.source_row import Notes, Progress\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "count = sum(1 for _ in read_parquet(Path(sys.argv[1]), Progress(), Notes()))\n"
        "print(count, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "rows.parquet")],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    count, grown_mib = map(int, done.stdout.split())
    assert count == 40
    assert grown_mib < 256
