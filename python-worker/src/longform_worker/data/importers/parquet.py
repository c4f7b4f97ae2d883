"""Parquet in the layout of the hub: messages in one of several forms, and images."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from longform_worker.data.importers.image_sources import images_of, in_one_place
from longform_worker.data.importers.parquet_file import ParquetFile
from longform_worker.data.importers.source_row import (
    ImageSource,
    Notes,
    Progress,
    RowPlace,
    SourceRow,
    Turn,
    fields_of,
    items_of,
    shown,
)
from longform_worker.data.importers.turns import OPENAI, SHAREGPT, style_of, turns_of
from longform_worker.failure import EngineFailure

_SHARD = re.compile(r"(?P<split>.+)-(?P<index>\d{5})-of-(?P<count>\d{5})(-[0-9a-f]{16})?\Z")
_SPLITS = ("train", "training", "test", "testing", "validation", "valid", "val", "dev", "eval")
# Columns of nested values that are read; other nested columns are named and left where they are.
_READ = ("messages", "conversations", "images", "image", "videos", "audios", "tools", "chosen", "rejected")


def read_parquet(path: Path, progress: Progress, notes: Notes) -> Iterator[SourceRow]:
    """The rows of a file, or of the .parquet files of a folder in the order of their names."""
    files, of_splits = _files(path)
    shards = f"{len(files)} parquet files" if len(files) > 1 else f"parquet in {files[0].name}"
    notes.container = f"{shards}{of_splits}"
    for place, record in parquet_records(files, progress, notes):
        yield _row(place, record)


def parquet_records(
    files: Sequence[Path], progress: Progress, notes: Notes
) -> Iterator[tuple[RowPlace, dict[str, object]]]:
    """Each row of the files as an object. Nested columns that no form knows are not read."""
    opened = [ParquetFile(file) for file in files]
    progress.total, progress.unit = sum(file.rows for file in opened), "rows"
    for file in opened:
        unknown = [name for name in file.nested_columns() if name not in _READ]
        notes.left_out.update(dict.fromkeys(unknown, "not a plain value"))
        for place, record in file.records(without=unknown):
            progress.done += 1
            yield place, record


def _files(path: Path) -> tuple[list[Path], str]:
    """The files to read, in order, and what is to be said of splits.

    Where names tell splits apart as the hub does, the split to train on is read; a mix that says nothing is refused.
    """
    if not path.is_dir():
        return [path], ""
    names = sorted(str(file.relative_to(path)) for file in path.rglob("*.parquet") if file.is_file())
    if not names:
        raise _refused_folder(path, "a folder with .parquet files", "none")
    splits: dict[str, list[str]] = {}
    for name in names:
        splits.setdefault(_split_of(Path(name)), []).append(name)
    said = ""
    if len(splits) > 1:
        train = [split for split in splits if Path(split).name in ("train", "training")]
        if len(train) != 1 or "" in splits:
            found = ", ".join([*sorted(filter(None, splits)), *splits.get("", [])][:20])
            raise _refused_folder(path, "the files of one split", found)
        others = ", ".join(sorted({Path(split).name for split in splits} - {Path(train[0]).name}))
        names, said = splits[train[0]], f" of the split train (beside it: {others})"
    _refuse_gaps(path, names)
    return [path / name for name in names], said


def _split_of(name: Path) -> str:
    """Folder and name of the split that a file belongs to; empty when its name says nothing."""
    shard = _SHARD.match(name.stem)
    if shard:
        return str(name.parent / shard["split"])
    if name.stem in _SPLITS:
        return str(name.parent / name.stem)
    return str(name.parent) if name.parent.name in _SPLITS else ""


def _refuse_gaps(path: Path, names: Sequence[str]) -> None:
    """Refuses a folder that lacks some of the shards that the names of the others announce."""
    shards = [match for name in names if (match := _SHARD.match(Path(name).stem))]
    counts = sorted({int(match["count"]) for match in shards})
    if len(counts) > 1:
        raise _refused_folder(path, "shards of one set", f"shards of sets of {', '.join(map(str, counts))}")
    there = {int(match["index"]) for match in shards}
    missing = [f"{index:05d}" for count in counts for index in range(count) if index not in there]
    if missing:
        raise _refused_folder(path, f"all {counts[0]} shards", f"no shard {', '.join(missing[:10])}")


def _row(place: RowPlace, record: Mapping[str, object]) -> SourceRow:
    columns = [name for name in ("messages", "conversations") if record.get(name) is not None]
    if len(columns) > 1:
        raise place.refuse("messages", "one column of messages", " and ".join(columns))
    in_parts: list[ImageSource] = []
    if columns:
        turns, form = _turns(record[columns[0]], place, columns[0], in_parts)
        used = {"messages", "conversations", "images"}
    else:
        turns, form = _question_and_answer(record, place)
        used = {"question", "answer", "messages", "conversations", "images"}
    images = images_of(record.get("images"), place, "images")
    return SourceRow(
        place=place,
        turns=turns,
        images=in_one_place(in_parts, images, place, "images"),
        messages_form=form,
        tags_optional=True,
        rest={name: value for name, value in record.items() if name not in used},
    )


def _question_and_answer(record: Mapping[str, object], place: RowPlace) -> tuple[list[Turn], str]:
    question, answer = record.get("question"), record.get("answer")
    if isinstance(question, str) and isinstance(answer, str):
        return [Turn("user", question), Turn("assistant", answer)], "the columns question and answer"
    names = ", ".join(record)
    if isinstance(question, str) and "answer" not in record:
        hint = "Questions without answers are items of a benchmark, not rows to learn."
        raise place.refuse("messages", "messages, or question and answer", f"the columns {names}", hint)
    raise place.refuse("messages", "messages, or question and answer", f"the columns {names}")


def _turns(value: object, place: RowPlace, field: str, images: list[ImageSource]) -> tuple[list[Turn], str]:
    """The turns of one row and the form that they were found in."""
    messages = items_of(value)
    if not messages:
        raise place.refuse(field, "a list of messages", shown(value))
    texts = [message for message in messages if isinstance(message, str)]
    if len(texts) == len(messages):
        return _of_texts(texts, place, field, images)
    style = style_of(messages)
    if style is None:
        raise place.refuse(field, f"text, {OPENAI} or {SHAREGPT}", shown(messages[0]))
    return turns_of(messages, style, place, field, images), str(style)


def _of_texts(texts: list[str], place: RowPlace, field: str, images: list[ImageSource]) -> tuple[list[Turn], str]:
    """Turns out of text: JSON-encoded objects when every text is one, user and assistant in turn when none is."""
    objects = [value for text in texts if (value := _message(text)) is not None]
    if not objects:
        roles = ("user", "assistant")
        turns = [Turn(roles[index % 2], text) for index, text in enumerate(texts)]
        return turns, "strings, user and assistant in turn"
    style = style_of(objects)
    if len(objects) < len(texts) or style is None:
        found = f"{len(objects)} JSON-encoded objects among {len(texts)} strings"
        raise place.refuse(field, "strings alone, or JSON-encoded objects of one style alone", found)
    return turns_of(objects, style, place, field, images), f"JSON-encoded {style}"


def _message(text: str) -> dict[str, object] | None:
    """The message object that a text encodes; None for anything else."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        fields = fields_of(json.loads(text))
    except (ValueError, RecursionError):
        return None
    return fields if style_of([fields]) else None


def _refused_folder(path: Path, expected: str, found: str) -> EngineFailure:
    return EngineFailure.mismatch("data_refused", path, expected, found, file=path)
