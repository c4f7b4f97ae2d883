"""Rows as JSON lines: read with errors that name file and line, written whole or not at all."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from longform_worker.failure import EngineFailure
from longform_worker.jobs import ImageReference

_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class TrainingRow:
    """A row as an import writes it and a training reads it."""

    id: str
    prompt: str
    target: str
    images: tuple[ImageReference, ...]


def count_rows(path: Path) -> int:
    """Lines of a file that are not empty. Raises EngineFailure (data_refused) when it cannot be read."""
    try:
        with path.open("rb") as file:
            return sum(1 for line in file if line.strip())
    except OSError as error:
        raise _refused(path, None, "a file that can be read", str(error)) from error


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Each line of a JSON-lines file as an object with a unique, non-empty "id".

    Empty lines are skipped. Raises EngineFailure (data_refused) naming file and line.
    """
    seen: dict[str, int] = {}
    number = 0
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    row = _object(path, number, line)
                    if row["id"] in seen:
                        raise _refused(path, number, "an id of its own", f"{row['id']}, also on line {seen[row['id']]}")
                    seen[row["id"]] = number
                    yield row
    except UnicodeDecodeError as error:
        raise _refused(path, number + 1, "UTF-8 text", str(error)) from error
    except OSError as error:
        raise _refused(path, None, "a file that can be read", str(error)) from error


def _object(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        row: object = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _refused(path, number, "a JSON object", f"{error}") from error
    if not isinstance(row, dict):
        raise _refused(path, number, "a JSON object", line.strip()[:80])
    fields = cast("dict[str, Any]", row)
    if not isinstance(fields.get("id"), str) or not fields["id"]:
        raise _refused(path, number, 'an "id" that is text and not empty', repr(fields.get("id")))
    return fields


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write rows as JSON lines and return their number; the file appears only when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.partial-{os.getpid()}")
    count = 0
    try:
        with temporary.open("w", encoding="utf-8", newline="\n") as file:
            for row in rows:
                file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")
                count += 1
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return count


def read_training_rows(path: Path) -> list[TrainingRow]:
    """All rows of an imported file; at least one. Raises EngineFailure (data_refused)."""
    rows = [training_row(path, fields) for fields in read_rows(path)]
    if not rows:
        raise _refused(path, None, "at least one row", "none")
    return rows


def training_row(path: Path, fields: Mapping[str, Any]) -> TrainingRow:
    """The row that a line of an imported file holds. Raises EngineFailure (data_refused)."""
    row = fields["id"]
    for name in ("prompt", "target"):
        if not isinstance(fields.get(name), str) or not fields[name]:
            raise _row_refused(path, row, f'"{name}" that is text and not empty', repr(fields.get(name)))
    images: object = fields.get("images")
    if not isinstance(images, list):
        raise _row_refused(path, row, '"images" that is a list', repr(images))
    items = cast("list[object]", images)
    references = tuple(_reference(path, row, index, item) for index, item in enumerate(items))
    return TrainingRow(row, fields["prompt"], fields["target"], references)


def _reference(path: Path, row: str, index: int, value: object) -> ImageReference:
    match value:
        case {"sha256": str(sha256), "width": int(width), "height": int(height)} if (
            _SHA256.match(sha256) and width > 0 and height > 0
        ):
            return ImageReference(sha256=sha256, width=width, height=height)
        case _:
            expected = f'image {index} with "sha256", "width" and "height", as an import writes it'
            raise _row_refused(path, row, expected, repr(value)[:200])


def _refused(path: Path, line: int | None, expected: str, found: str) -> EngineFailure:
    where = str(path) if line is None else f"{path}, line {line}"
    facts = {} if line is None else {"line": str(line)}
    return EngineFailure.mismatch("data_refused", where, expected, found, file=path, **facts)


def _row_refused(path: Path, row: str, expected: str, found: str) -> EngineFailure:
    return EngineFailure.mismatch("data_refused", f"{path}, row {row}", expected, found, file=path, row=row)
