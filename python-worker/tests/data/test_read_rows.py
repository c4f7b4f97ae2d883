from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from foreign_data import TALK, Row, job, lines, put, read, refused

from longform_worker.engines import read_dataset
from recorded_link import RecordedLink


def row(prompt: str, *images: str, **further: Any) -> Row:
    return {"messages": [{"role": "user", "content": prompt}, TALK[1]], "images": [*images], **further}


def made(folder: Path, *rows: Row, **options: Any) -> tuple[list[Row], Row]:
    put(folder, "a.png", "b.png")
    return read(folder, lines(folder / "rows.jsonl", [*rows]), "MESSAGES", **options)


@pytest.mark.parametrize(
    ("prompt", "settled"),
    [
        ("<image><image>Write.", "Write."),
        ("<image>\n<image>\n\nWrite. ", "\nWrite. "),
        ("<image>\r\n<image>\r\n\tWrite.", "\tWrite."),
        ("  <image> <image> Write.", "    Write."),
        (" Write.\n<image>\n<image>", " Write.\n<image>\n<image>"),
        ("Write.<image><image>\n", "Write.<image><image>\n"),
        ("<image>Write.<image>", "<image>Write.<image>"),
        ("First <image>, then <image>.", "First <image>, then <image>."),
        ("<image><image>\n", None),
    ],
)
def test_tags_at_the_start_are_removed_with_their_line_breaks_and_others_stay(
    tmp_path: Path, prompt: str, settled: str | None
) -> None:
    if settled is None:
        put(tmp_path, "a.png", "b.png")
        path = lines(tmp_path / "rows.jsonl", [row(prompt, "a.png", "b.png")])
        facts = refused(tmp_path, path, "MESSAGES").facts
        assert facts["field"] == "prompt"
        assert "Describe the images." in facts["hint"]
    else:
        assert made(tmp_path, row(prompt, "a.png", "b.png"))[0][0]["prompt"] == settled


def test_a_prompt_without_images_stays_as_it_is(tmp_path: Path) -> None:
    assert made(tmp_path, row("  Write. \n"))[0][0]["prompt"] == "  Write. \n"


def test_tags_inside_or_behind_the_text_ask_for_the_inline_layout(tmp_path: Path) -> None:
    rows, result = made(
        tmp_path,
        row("<image>\nWrite.", "a.png"),
        row("See <image> there.", "a.png"),
        row("Write. <image>", "a.png"),
        row("Write."),
    )
    assert [item["prompt"] for item in rows] == ["Write.", "See <image> there.", "Write. <image>", "Write."]
    assert (
        'image tags inside or behind the text of 2 rows, kept: promptLayout "inline" is needed, '
        "removed from the start of 1 row: inline, images then stand first;"
    ) in result["found"]


def test_a_language_that_is_neither_english_nor_chinese_counts_as_none_and_is_said(tmp_path: Path) -> None:
    rows, result = made(tmp_path, row("Écris.", language="fr"), row("请写", language=3), row("Write.", language="zh"))
    assert [item["language"] for item in rows] == ["en", "en", "zh"]
    assert "columns that rows do not keep: language (other than en and zh, so told by the letters)" in result["found"]


@pytest.mark.parametrize("tag", ["<video>", "<audio>"])
@pytest.mark.parametrize("field", ["prompt", "target"])
def test_the_tag_of_a_video_is_not_learnt_as_words(tmp_path: Path, field: str, tag: str) -> None:
    texts = {"prompt": "Write.", "target": "Words.", field: f"See {tag}"}
    talk = [{"role": "user", "content": texts["prompt"]}, {"role": "assistant", "content": texts["target"]}]
    path = lines(tmp_path / "rows.jsonl", [row("Write."), {"messages": talk, "images": []}])
    facts = refused(tmp_path, path, "MESSAGES").facts
    assert (facts["row"], facts["field"], facts["found"]) == ("line 2", field, f"the tag {tag} at character 4")


@pytest.mark.parametrize(
    ("prompt", "target", "given", "language"),
    [
        ("Write about it.", "Words.", None, "en"),
        ("请写", "一篇讲稿", None, "zh"),
        ("写写写写", "abcdefgh", None, "zh"),
        ("写写写", "abcdefgh", None, "en"),
        ("123", "45 6!", None, "en"),
        ("ひらがなかな", "漢字", None, "en"),
        ("Write.", "Words.", "zh", "zh"),
        ("请写", "讲稿", "English", "en"),
    ],
)
def test_the_language_is_chinese_when_a_third_of_the_letters_are_ideographs(
    tmp_path: Path, prompt: str, target: str, given: str | None, language: str
) -> None:
    talk = [{"role": "user", "content": prompt}, {"role": "assistant", "content": target}]
    rows, _ = made(tmp_path, {"messages": talk, **({} if given is None else {"language": given})})
    assert rows[0]["language"] == language


def test_ids_are_kept_as_text_and_otherwise_numbered(tmp_path: Path) -> None:
    assert [item["id"] for item in made(tmp_path, row("a", id=12), row("b", id="x"))[0]] == ["12", "x"]
    assert [item["id"] for item in made(tmp_path, row("a"), row("b"))[0]] == ["row-000001", "row-000002"]


@pytest.mark.parametrize(
    ("second", "expected", "found"),
    [({"id": "1"}, "an id of its own", "first in line 1"), ({}, "an id, as in line 1", "no id")],
)
def test_ids_that_are_missing_or_come_twice_are_refused(tmp_path: Path, second: Row, expected: str, found: str) -> None:
    path = lines(tmp_path / "rows.jsonl", [row("a", id=1), row("b", **second)])
    failure = refused(tmp_path, path, "MESSAGES")
    assert (failure.facts["row"], failure.facts["expected"]) == ("line 2", expected)
    assert found in failure.facts["found"]


def test_missing_images_are_named_all_at_once(tmp_path: Path) -> None:
    put(tmp_path, "a.png")
    rows = [row("<image>x", "a.png"), *(row("<image>x", f"gone-{number}.png") for number in range(12))]
    failure = refused(tmp_path, lines(tmp_path / "rows.jsonl", rows), "MESSAGES")
    assert failure.facts["found"].startswith("12 missing: gone-0.png (line 2), gone-1.png")
    assert failure.facts["found"].endswith("gone-9.png (line 11) and 2 more")
    assert failure.facts["expected"] == f"every image below {tmp_path}"


def test_a_limit_takes_the_first_rows_and_looks_at_no_other(tmp_path: Path) -> None:
    rows, result = made(tmp_path, row("a"), row("b"), {"broken": True}, limit=2)
    assert [item["prompt"] for item in rows] == ["a", "b"]
    assert result["found"].endswith("2 rows")


def test_two_readings_write_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        made(tmp_path / name, row("<image>x", "a.png"), row("y"))
    one, two = (tmp_path / name / "out" / "rows.jsonl" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_twenty_thousand_rows_are_read_within_seconds_and_progress_is_told(tmp_path: Path) -> None:
    put(tmp_path, "a.png")
    path = lines(tmp_path / "rows.jsonl", [row("<image>Write. 写", "a.png", id=n) for n in range(20_000)])
    started = time.monotonic()
    with RecordedLink() as link:
        read_dataset.run(job(tmp_path, path, "MESSAGES"), link)
        seconds = time.monotonic() - started
        progress = link.frames("progress")
    assert seconds < 60  # 2 to 3 on one quiet core
    assert progress[-1] == {"type": "progress", "done": 20_000, "total": 20_000, "unit": "rows"}
    assert progress[0]["unit"] == "bytes"
    assert 0 < progress[0]["done"] <= progress[0]["total"] == path.stat().st_size
