"""Records of a JSON file, one at a time: JSON lines, or one array of any size."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from longform_worker.data.importers.source_row import Progress, RowPlace, fields_of, shown
from longform_worker.failure import EngineFailure

CHUNK_CHARACTERS = 1 << 20


def json_records(path: Path, progress: Progress) -> Iterator[tuple[RowPlace, dict[str, object]]]:
    """Each object of the file and where it is. The file's first character says which of the two forms it has.

    Raises EngineFailure (data_refused) for what cannot be read, is no UTF-8, no JSON, or no object.
    """
    place = RowPlace(str(path), "line 1")
    try:
        with path.open("rb") as binary, io.TextIOWrapper(binary, encoding="utf-8-sig") as file:
            progress.total, progress.unit = path.stat().st_size, "bytes"
            array = _Array(file, str(path))
            found = array.elements() if array.peek() == "[" else _lines(file, str(path))
            for place, value in found:
                record = fields_of(value)
                if record is None:
                    raise place.refuse("row", "a JSON object", shown(value))
                progress.done = binary.tell()
                yield place, record
    except UnicodeDecodeError as error:
        raise place.refuse("row", "UTF-8 text", f"at or after this place: {error}") from error
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: Exception) -> EngineFailure:
    """The failure of a file that cannot be read at all."""
    found = str(error).splitlines()[0] if str(error) else type(error).__name__
    return EngineFailure(
        "data_refused",
        f"{path}: expected a file that can be read; found {found}.",
        file=str(path),
        expected="a file that can be read",
        found=found,
    )


def _lines(file: TextIO, path: str) -> Iterator[tuple[RowPlace, object]]:
    file.seek(0)
    for number in _counting():
        line = file.readline()
        if not line:
            return
        if line.strip():
            place = RowPlace(path, f"line {number}")
            try:
                value: object = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise place.refuse("row", "a JSON object", f"no JSON: {error}") from error
            yield place, value


def _counting() -> Iterator[int]:
    number = 0
    while True:
        number += 1
        yield number


class _Array:
    """An array's elements out of a file of which only a part is in memory."""

    def __init__(self, file: TextIO, path: str) -> None:
        self._file = file
        self._path = path
        self._buffer = ""
        self._at = 0
        self._decoder = json.JSONDecoder()

    def elements(self) -> Iterator[tuple[RowPlace, object]]:
        self._take("[", RowPlace(self._path, "row 1"))
        if self.peek() == "]":
            return
        for number in _counting():
            place = RowPlace(self._path, f"row {number}")
            yield place, self._element(place)
            if self.peek() == "]":
                break
            self._take(",", place)
        self._at += 1
        if self.peek():
            raise RowPlace(self._path, "the end").refuse("row", "nothing after the array", shown(self._rest()))

    def peek(self) -> str:
        """The next character that is no white space; empty at the end of the file."""
        while True:
            while self._at < len(self._buffer):
                if not self._buffer[self._at].isspace():
                    return self._buffer[self._at]
                self._at += 1
            if not self._fill():
                return ""

    def _take(self, character: str, place: RowPlace) -> None:
        if self.peek() != character:
            raise place.refuse("row", f'"{character}"', shown(self._rest()) if self.peek() else "the end of the file")
        self._at += 1

    def _element(self, place: RowPlace) -> object:
        if self.peek() != "{":  # an object alone says by itself where it ends
            raise place.refuse("row", "a JSON object", shown(self._rest()) if self.peek() else "the end of the file")
        while True:
            try:
                value, self._at = self._decoder.raw_decode(self._buffer, self._at)
            except (ValueError, RecursionError) as error:
                if self._fill():
                    continue
                raise place.refuse("row", "a JSON object", f"no JSON: {error}") from error
            return value

    def _rest(self) -> str:
        return self._buffer[self._at : self._at + 80]

    def _fill(self) -> bool:
        """Reads on; each time as much as is left, so that a long element is not parsed again and again."""
        chunk = self._file.read(max(CHUNK_CHARACTERS, len(self._buffer) - self._at))
        self._buffer = self._buffer[self._at :] + chunk
        self._at = 0
        return bool(chunk)
