from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from foreign_data import PAIRS, Row, lines, picture, put, read, refused, table

FIRST: Row = {"conversations": [*PAIRS], "images": ["a.png"]}
PARTS = [{"type": "image_url", "image_url": {"url": "a.png"}}, {"type": "text", "text": "Write."}]
ENTRY: Row = {"file_name": "rows.json", "formatting": "sharegpt", "columns": {"images": "images"}}
OPENAI_TAGS = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}


def folder_with(folder: Path, rows: Any, **entry: Any) -> Path:
    data = folder / "data"
    put(data, "a.png", "b.png", "media/c.png")
    info = {"demo": {**ENTRY, **entry}, "other": {"file_name": "other.json"}}
    (data / "dataset_info.json").write_text(json.dumps(info))
    (data / "rows.json").write_text(json.dumps(rows))
    return data


def refused_row(folder: Path, *rows: Row, **entry: Any) -> Any:
    return refused(folder, folder_with(folder, list(rows), **entry), "SHAREGPT", name="demo")


def test_from_and_value_are_read_as_llama_factory_assumes_them(tmp_path: Path) -> None:
    rows, result = read(
        tmp_path, folder_with(tmp_path, [{**FIRST, "source": "web", "score": 2.5}]), "SHAREGPT", name="demo"
    )
    assert rows == [
        {
            "id": "row-000001",
            "language": "en",
            "prompt": "Write.",
            "target": "Words.",
            "images": [{"path": "a.png"}],
            "source": "web",
            "score": 2.5,
        }
    ]
    assert result["image_root"] == str(tmp_path / "data")
    assert result["found"] == (
        'LLaMA-Factory dataset "demo" in rows.json; messages: from/value objects (system, human, gpt); '
        'images: 1 as paths; image tags at the start of the prompts, removed: promptLayout "imagesFirst"; '
        "ids: by number; languages: 1 en; 1 row"
    )


def test_role_and_content_are_read_as_the_tags_declare_them(tmp_path: Path) -> None:
    talk = [{"role": "user", "content": "看图<image>"}, {"role": "assistant", "content": "红色的圆环"}]
    data = folder_with(
        tmp_path,
        [{"messages": talk, "pictures": [{"path": "b.png", "bytes": None}]}],
        columns={"messages": "messages", "images": "pictures"},
        tags=OPENAI_TAGS,
    )
    rows, result = read(tmp_path, data, "SHAREGPT", name="demo")
    assert (rows[0]["prompt"], rows[0]["language"], rows[0]["images"]) == ("看图<image>", "zh", [{"path": "b.png"}])
    assert "role/content objects (system, user, assistant)" in result["found"]
    assert 'promptLayout "inline" is needed' in result["found"]


def test_custom_tags_are_taken_at_their_word(tmp_path: Path) -> None:
    tags = {"role_tag": "who", "content_tag": "says", "user_tag": "me", "assistant_tag": "it"}
    talk = [{"who": "me", "says": "Write."}, {"who": "it", "says": "Words."}]
    rows, _ = read(tmp_path, folder_with(tmp_path, [{"conversations": talk}], tags=tags), "SHAREGPT", name="demo")
    assert (rows[0]["prompt"], rows[0]["target"]) == ("Write.", "Words.")
    failure = refused_row(tmp_path / "other", {"conversations": [*PAIRS]}, tags=tags)
    assert failure.facts["field"] == "conversations[0]"
    assert '"who" and "says"' in failure.facts["expected"]


def test_images_lie_below_the_media_folder(tmp_path: Path) -> None:
    data = folder_with(tmp_path, [{**FIRST, "images": ["c.png"]}])
    rows, result = read(tmp_path, data, "SHAREGPT", name="demo", image_root=str(data / "media"))
    assert rows[0]["images"] == [{"path": "c.png"}]
    assert result["image_root"] == str(data / "media")


def test_rows_may_be_json_lines_or_parquet(tmp_path: Path) -> None:
    data = folder_with(tmp_path, [FIRST])
    lines(data / "rows.json", [FIRST, FIRST])
    assert len(read(tmp_path, data, "SHAREGPT", name="demo")[0]) == 2
    inside = folder_with(tmp_path / "b", [], file_name="rows.parquet")
    held = {"conversations": [*PAIRS], "images": [{"bytes": picture(), "path": "x.png"}]}
    table(inside / "rows.parquet", [held])
    rows, result = read(tmp_path / "b", inside, "SHAREGPT", name="demo")
    assert (Path(result["image_root"]) / rows[0]["images"][0]["path"]).read_bytes() == picture()


def test_a_large_array_is_read_piece_by_piece(tmp_path: Path) -> None:
    text = "Wörter 文字 " * 40_000
    long: Row = {"conversations": [PAIRS[0], {"from": "gpt", "value": text}], "images": ["a.png"]}
    rows, _ = read(tmp_path, folder_with(tmp_path, [long] * 6), "SHAREGPT", name="demo")
    assert [row["target"] == text for row in rows] == [True] * 6


@pytest.mark.parametrize(
    ("entry", "field", "expected"),
    [
        ({"ranking": True}, "demo.ranking", "single answers"),
        ({"formatting": "alpaca"}, "demo.formatting", "sharegpt"),
        ({"hf_hub_url": "a/b"}, "demo.hf_hub_url", "file_name"),
        ({"num_samples": 10}, "demo.num_samples", "alone"),
        ({"split": "test"}, "demo.split", "alone"),
        ({"columns": {"imagez": "images"}}, "demo.columns.imagez", "one of"),
        ({"columns": {"kto_tag": "label"}}, "demo.columns.kto_tag", "one of"),
        ({"tags": {"role_tag": 1}}, "demo.tags.role_tag", "text"),
        ({"file_name": "gone.json"}, "demo.file_name", "existing"),
        ({"file_name": "../outside.json"}, "demo.file_name", "inside"),
        ({"file_name": "a.png"}, "demo.file_name", "existing"),
    ],
)
def test_an_entry_that_would_be_read_wrongly_is_refused(tmp_path: Path, entry: Row, field: str, expected: str) -> None:
    (tmp_path / "outside.json").write_text("[]")
    failure = refused_row(tmp_path, FIRST, **entry)
    assert failure.facts["field"] == field
    assert expected in failure.facts["expected"]
    assert failure.facts["file"].endswith("dataset_info.json")


def test_an_entry_without_formatting_is_alpaca_and_refused(tmp_path: Path) -> None:
    data = folder_with(tmp_path, [FIRST])
    assert "alpaca" in refused(tmp_path, data, "SHAREGPT", name="other").facts["found"]


def test_an_unknown_dataset_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    data = folder_with(tmp_path, [FIRST])
    assert "did you mean demo?" in refused(tmp_path, data, "SHAREGPT", name="demmo").facts["found"]


@pytest.mark.parametrize(("text", "found"), [("{", "no JSON"), ("[]", "no datasets")])
def test_a_broken_dataset_info_is_refused(tmp_path: Path, text: str, found: str) -> None:
    data = folder_with(tmp_path, [FIRST])
    (data / "dataset_info.json").write_text(text)
    assert found in refused(tmp_path, data, "SHAREGPT", name="demo").facts["found"]


def test_a_folder_without_dataset_info_is_refused(tmp_path: Path) -> None:
    assert "dataset_info.json" in refused(tmp_path, tmp_path, "SHAREGPT", name="demo").facts["file"]


TOLD: list[tuple[Row, str, str]] = [
    ({"conversations": [{"from": "system", "value": "Be kind."}, *PAIRS]}, "messages", "no system turn"),
    ({"conversations": [*PAIRS, *PAIRS]}, "messages", "one user turn and one assistant turn"),
    ({"conversations": [PAIRS[0]]}, "messages", "one user turn and one assistant turn"),
    ({"conversations": [*PAIRS[::-1]]}, "messages", "one user turn and one assistant turn"),
    ({"conversations": [{"from": "robot", "value": "x"}]}, "conversations[0].from", "one of system, human, gpt"),
    ({"conversations": [{"from": "function_call", "value": "x"}]}, "conversations[0].from", "one of"),
    ({"conversations": [{"from": "human", "value": 3}, PAIRS[1]]}, "conversations[0].value", "text"),
    ({"conversations": [{"role": "user", "content": "x"}]}, "conversations[0]", '"from" and "value"'),
    ({"conversations": "text"}, "conversations", "a list"),
    ({"conversations": []}, "conversations", "a list"),
    ({"conversations": None}, "conversations", "a list"),
    ({"images": "a.png"}, "images", "a list of images"),
    ({"images": ["a.png", "b.png"]}, "images", "one <image> for each image"),
    ({"images": []}, "images", "one <image> for each image"),
    ({"conversations": [{"from": "human", "value": PARTS}, PAIRS[1]]}, "images", "in one place"),
    ({"images": ["http://x/a.png"]}, "images[0]", "a path"),
    ({"images": [{"path": None, "bytes": None}]}, "images[0]", "a path"),
    ({"images": ["../data/../secret.png"]}, "images[0]", "a file inside"),
    ({"images": ["link.png"]}, "images[0]", "a file inside"),
    ({"images": ["a\0.png"]}, "images[0]", "a path"),
    ({"videos": ["v.mp4"]}, "videos", "no"),
    ({"chosen": {"from": "gpt", "value": "x"}}, "chosen", "one answer"),
    ({"id": None}, "id", "text of 1 to 200"),
    ({"id": True}, "id", "text of 1 to 200"),
    ({"id": "x" * 201}, "id", "text of 1 to 200"),
    ({"conversations": [PAIRS[0], {"from": "gpt", "value": "See <image>."}]}, "target", "no image tag"),
    ({"conversations": [PAIRS[0], {"from": "gpt", "value": " "}]}, "target", "not empty"),
    ({"conversations": [{"from": "human", "value": "<image>"}, PAIRS[1]]}, "prompt", "not empty"),
    ({"conversations": [PAIRS[0], {"from": "gpt", "value": "half \ud83d"}]}, "target", "UTF-8"),
]


@pytest.mark.parametrize(("change", "field", "expected"), TOLD)
def test_a_row_that_is_not_clear_is_refused_by_field(tmp_path: Path, change: Row, field: str, expected: str) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(picture())
    data = folder_with(tmp_path, [FIRST, {**FIRST, **change}] if "id" not in change else [{**FIRST, **change}])
    (data / "link.png").symlink_to(secret)
    failure = refused(tmp_path, data, "SHAREGPT", name="demo")
    assert failure.facts["field"] == field
    assert expected in failure.facts["expected"]
    assert failure.facts["row"] == ("row 1" if "id" in change else "row 2")
    assert failure.facts["file"] == str(data / "rows.json")


def test_an_empty_system_turn_is_no_system_turn(tmp_path: Path) -> None:
    talk = [{"from": "system", "value": " "}, *PAIRS]
    data = folder_with(
        tmp_path, [{**FIRST, "conversations": talk, "sys": ""}], columns={"images": "images", "system": "sys"}
    )
    assert read(tmp_path, data, "SHAREGPT", name="demo")[0][0]["prompt"] == "Write."


def test_a_system_column_that_says_something_is_refused(tmp_path: Path) -> None:
    failure = refused_row(tmp_path, {**FIRST, "sys": "Be kind."}, columns={"images": "images", "system": "sys"})
    assert "template" in failure.facts["hint"]


def test_images_that_no_column_is_mapped_to_are_named(tmp_path: Path) -> None:
    assert "maps no column to images" in refused_row(tmp_path, FIRST, columns={}).facts["found"]


@pytest.mark.parametrize(
    ("text", "row", "found"),
    [
        ('[{"conversations": 1}, 3]', "row 1", "1"),
        ("[3]", "row 1", '"3]"'),
        ('[{"a": ', "row 1", "no JSON"),
        ("[", "row 1", "end of the file"),
        ('{"a": 1}\n{"b"', "line 1", "the keys a"),
        ("\n[1]x", "row 1", "1]x"),
    ],
)
def test_json_that_is_broken_is_refused_with_its_place(tmp_path: Path, text: str, row: str, found: str) -> None:
    data = folder_with(tmp_path, [])
    (data / "rows.json").write_text(text)
    failure = refused(tmp_path, data, "SHAREGPT", name="demo")
    assert failure.facts["row"] == row
    assert found in failure.facts["found"]


@pytest.mark.parametrize("text", ["", "[]", " \n "])
def test_a_file_without_rows_is_refused(tmp_path: Path, text: str) -> None:
    data = folder_with(tmp_path, [])
    (data / "rows.json").write_text(text)
    assert refused(tmp_path, data, "SHAREGPT", name="demo").facts["expected"] == "at least one row"
