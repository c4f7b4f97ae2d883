"""JSON lines with OpenAI messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from longform_worker.data.importers.image_sources import images_of, in_one_place
from longform_worker.data.importers.json_records import json_records
from longform_worker.data.importers.source_row import ImageSource, Notes, Progress, RowPlace, SourceRow
from longform_worker.data.importers.turns import OPENAI, turns_of


def read_messages(path: Path, progress: Progress, notes: Notes) -> Iterator[SourceRow]:
    """The rows of a file. Images are parts of a message, or a list "images" beside tags in the text."""
    notes.container = f"JSON in {path.name}"
    for place, record in json_records(path, progress):
        yield _row(place, record)


def _row(place: RowPlace, record: Mapping[str, object]) -> SourceRow:
    if "messages" not in record:
        keys = ", ".join(record) or "no keys"
        if "conversations" in record:
            hint = "This is LLaMA-Factory's form: name the file in a dataset_info.json and read it with shareGpt."
            raise place.refuse("messages", f"a list of {OPENAI}", f"the keys {keys}", hint)
        raise place.refuse("messages", f"a list of {OPENAI}", f"the keys {keys}")
    in_parts: list[ImageSource] = []
    turns = turns_of(record["messages"], OPENAI, place, "messages", in_parts)
    beside = images_of(record.get("images"), place, "images")
    return SourceRow(
        place=place,
        turns=turns,
        images=in_one_place(in_parts, beside, place, "images"),
        messages_form=str(OPENAI),
        tags_optional=False,
        rest={name: value for name, value in record.items() if name not in ("messages", "images")},
    )
