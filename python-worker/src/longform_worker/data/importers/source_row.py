"""A row as an importer has found it, and refusals that say where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, cast

from longform_worker.failure import EngineFailure

IMAGE_TAG = "<image>"
SHOWN_CHARACTERS = 80

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class RowPlace:
    """Where a row lies: its file, and its id, or its number as "line 3" or "row 3"."""

    file: str
    row: str

    @property
    def where(self) -> str:
        """The row in words."""
        return self.row if self.row.startswith(("line ", "row ")) else f"row {self.row}"

    def seen_from(self, other: RowPlace) -> str:
        """This place as the refusal of another row names it."""
        return self.row if self.file == other.file else f"{self.row} of {self.file}"

    def refuse(self, field: str, expected: str, found: str, hint: str = "") -> EngineFailure:
        """The failure (data_refused) of one field of this row."""
        advice = {"hint": hint} if hint else {}
        where = f"{self.file}, {self.where}, {field}"
        facts = {"file": self.file, "row": self.row, "field": field, **advice}
        return EngineFailure.mismatch("data_refused", where, expected, found, **facts)


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a conversation; its text holds a tag where an image belongs."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class FileImage:
    """An image that lies in a file."""

    path: str


@dataclass(frozen=True, slots=True)
class BytesImage:
    """An image that the row itself holds; ``form`` says how."""

    content: bytes
    form: Literal["bytes", "data URLs"]


ImageSource = FileImage | BytesImage


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """One row.

    messages_form: what the turns were found to be, in words; equal in all rows of a dataset.
    tags_optional: whether images without any tag in the text are in order.
    rest: everything else that the row holds.
    """

    place: RowPlace
    turns: Sequence[Turn]
    images: Sequence[ImageSource]
    messages_form: str
    tags_optional: bool
    rest: Mapping[str, object]


@dataclass(slots=True)
class Progress:
    """How far a reader is."""

    done: int = 0
    total: int = 0
    unit: str = "rows"


@dataclass(slots=True)
class Notes:
    """What a reader found that no single row shows: what it read, and what it left out and why."""

    container: str = ""
    left_out: dict[str, str] = field(default_factory=dict[str, str])


def fields_of(value: object) -> dict[str, object] | None:
    """The value as an object; None when it is none."""
    return cast("dict[str, object]", value) if isinstance(value, dict) else None


def items_of(value: object) -> list[object] | None:
    """The value as a list; None when it is none."""
    return cast("list[object]", value) if isinstance(value, list) else None


def shown(value: object) -> str:
    """A value as a refusal shows it."""
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    text = value if isinstance(value, str) else repr(value)
    text = " ".join(text.split())
    cut = text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
    return f'"{cut}"' if isinstance(value, str) else cut
