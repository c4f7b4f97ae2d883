from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest
from foreign_data import TALK, Row, lines, picture, put, read, refused

from longform_worker.data.importers import image_sources


def url(content: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


def part(address: str) -> Row:
    return {"type": "image_url", "image_url": {"url": address, "detail": "high"}}


def words(text: str) -> Row:
    return {"type": "text", "text": text}


def row(*parts: Row, **further: Any) -> Row:
    return {"messages": [{"role": "user", "content": [*parts]}, TALK[1]], **further}


def test_content_is_text_or_parts_and_images_are_paths(tmp_path: Path) -> None:
    put(tmp_path, "a.png", "sub/b c.png")
    address = f"file://{tmp_path}/sub/b%20c.png"
    path = lines(tmp_path / "rows.jsonl", [row(part("a.png"), part(address), words("Write.")), {"messages": [*TALK]}])
    rows, result = read(tmp_path, path, "MESSAGES")
    assert [item["images"] for item in rows] == [[{"path": "a.png"}, {"path": "sub/b c.png"}], []]
    assert [item["prompt"] for item in rows] == ["Write.", "Write."]
    assert result["found"].startswith(
        "JSON in rows.jsonl; messages: role/content objects; images: 2 as paths; image tags"
    )


def test_data_urls_are_written_once_by_content(tmp_path: Path) -> None:
    both = [
        row(part(url(picture())), words("Write.")),
        row(part(url(picture("blue", "JPEG"))), part(url(picture())), words("x")),
    ]
    rows, result = read(tmp_path, lines(tmp_path / "rows.jsonl", both), "MESSAGES")
    root = Path(result["image_root"])
    assert root == tmp_path / "out" / "images"
    assert "3 as data URLs (JPEG, PNG)" in result["found"]
    digest = hashlib.sha256(picture()).hexdigest()
    assert rows[0]["images"] == [{"path": f"{digest[:2]}/{digest}.png"}]
    assert rows[1]["images"][1] == rows[0]["images"][0]
    assert (root / rows[0]["images"][0]["path"]).read_bytes() == picture()
    assert len([file for file in root.rglob("*") if file.is_file()]) == 2


def test_a_list_of_images_beside_tags_in_the_text_is_read_too(tmp_path: Path) -> None:
    put(tmp_path, "a.png")
    talk = [{"role": "user", "content": "<image>\nWrite."}, TALK[1]]
    rows, _ = read(tmp_path, lines(tmp_path / "r.jsonl", [{"messages": talk, "images": ["a.png"]}]), "MESSAGES")
    assert (rows[0]["prompt"], rows[0]["images"]) == ("Write.", [{"path": "a.png"}])


BAD: list[tuple[Any, str, str]] = [
    (row(part("https://x/a.png"), words("x")), "messages[0].content[0]", "a path or a data: URL"),
    (row(part("data:image/png;base64,@@"), words("x")), "messages[0].content[0]", "base64"),
    (row(part("data:image/png"), words("x")), "messages[0].content[0]", "data:image"),
    (row(part("data:image/png;base64,"), words("x")), "messages[0].content[0]", "1 to"),
    (row(part(url(b"no picture")), words("x")), "images[0]", "an image (PNG"),
    (row(part(""), words("x")), "messages[0].content[0]", "a path"),
    (row(words("see <image>")), "messages[0].content[0]", "without the tag"),
    (row({"type": "input_audio", "input_audio": {}}), "messages[0].content[0]", "a part of type"),
    (row({"type": "text"}), "messages[0].content[0]", "a part of type"),
    (row({"type": "image"}, words("x")), "images", "one <image> for each image"),
    (row(part("a.png"), words("x"), images=["a.png"]), "images", "in one place"),
    ({"messages": [{**TALK[0], "weight": 0}, TALK[1]]}, "messages[0]", "alone"),
    ({"messages": [TALK[0], {**TALK[1], "tool_calls": [{}]}]}, "messages[1]", "alone"),
    ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role", "one of"),
    ({"messages": [{"role": "developer", "content": "Be kind."}, *TALK]}, "messages", "no system turn"),
    ({"messages": [*TALK, *TALK]}, "messages", "one user turn"),
    ({"messages": [{"role": "user", "content": None}, TALK[1]]}, "messages[0].content", "text or a list"),
    ({"messages": [*TALK], "tools": [{}]}, "tools", "no"),
    ({"messages": [*TALK], "image": "a.png"}, "image", 'a list "images"'),
    ({"prompt": "x"}, "messages", "a list of"),
    ([1], "row", "a JSON object"),
]


@pytest.mark.parametrize(("bad", "field", "expected"), BAD)
def test_a_row_that_is_not_clear_is_refused_by_line(tmp_path: Path, bad: Any, field: str, expected: str) -> None:
    put(tmp_path, "a.png")
    failure = refused(tmp_path, lines(tmp_path / "rows.jsonl", [{"messages": [*TALK]}, bad]), "MESSAGES")
    assert failure.facts["field"] == field
    assert expected in failure.facts["expected"]
    assert (failure.facts["row"], failure.facts["file"]) == ("line 2", str(tmp_path / "rows.jsonl"))


def test_a_picture_above_the_limit_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_sources, "MAX_IMAGE_BYTES", 30)
    path = lines(tmp_path / "rows.jsonl", [row(part(url(picture())), words("x"))])
    assert "at most 30 bytes" in refused(tmp_path, path, "MESSAGES").facts["expected"]


def test_llama_factory_rows_are_pointed_to_their_reader(tmp_path: Path) -> None:
    path = lines(tmp_path / "rows.jsonl", [{"conversations": [{"from": "human", "value": "x"}]}])
    assert "shareGpt" in refused(tmp_path, path, "MESSAGES").facts["hint"]


def test_a_mix_of_paths_and_data_urls_names_both_rows(tmp_path: Path) -> None:
    put(tmp_path, "a.png")
    rows = [row(part("a.png"), words("x")), {"messages": [*TALK]}, row(part(url(picture())), words("x"))]
    failure = refused(tmp_path, lines(tmp_path / "rows.jsonl", rows), "MESSAGES")
    assert failure.facts["row"] == "line 3"
    assert failure.facts["expected"] == "paths, as in line 1"
    assert failure.facts["found"] == "data URLs"


def test_text_that_is_not_utf8_and_a_broken_line_are_refused(tmp_path: Path) -> None:
    path = lines(tmp_path / "rows.jsonl", [{"messages": [*TALK]}])
    good = path.read_bytes()
    path.write_bytes(good + b"{\n")
    assert refused(tmp_path, path, "MESSAGES").facts["row"] == "line 2"
    path.write_bytes(good + b'{"messages": "\xff"}\n')
    assert "UTF-8" in refused(tmp_path, path, "MESSAGES").facts["expected"]


def test_a_folder_and_nothing_at_all_are_refused(tmp_path: Path) -> None:
    assert "a folder" in refused(tmp_path, tmp_path, "MESSAGES").facts["found"]
    assert "nothing there" in refused(tmp_path, tmp_path / "gone.jsonl", "MESSAGES").facts["found"]
    path = lines(tmp_path / "rows.jsonl", [{"messages": [*TALK]}])
    assert "no folder" in refused(tmp_path, path, "MESSAGES", image_root=str(tmp_path / "gone")).facts["found"]
