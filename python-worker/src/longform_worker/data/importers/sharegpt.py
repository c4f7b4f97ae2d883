"""A LLaMA-Factory data folder: dataset_info.json and the files that it names, in either tag style."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from longform_worker.data.importers.image_sources import images_of, in_one_place
from longform_worker.data.importers.json_records import json_records, unreadable
from longform_worker.data.importers.parquet import parquet_records
from longform_worker.data.importers.source_row import (
    ImageSource,
    Notes,
    Progress,
    Role,
    RowPlace,
    SourceRow,
    Turn,
    fields_of,
    shown,
)
from longform_worker.data.importers.turns import TagStyle, turns_of
from longform_worker.failure import EngineFailure

_HUBS = ("hf_hub_url", "ms_hub_url", "om_hub_url", "script_url", "cloud_file_name", "s3_file_name")
_ENTRY = ("file_name", "formatting", "columns", "tags", "ranking", "split")
_COLUMNS = ("messages", "images", "system", "tools", "videos", "audios")
# The names that LLaMA-Factory assumes where dataset_info.json gives none.
_TAGS = {
    "role_tag": "from",
    "content_tag": "value",
    "user_tag": "human",
    "assistant_tag": "gpt",
    "system_tag": "system",
    "observation_tag": "observation",
    "function_tag": "function_call",
}


@dataclass(frozen=True, slots=True)
class _Entry:
    """What dataset_info.json says of one dataset."""

    file: Path
    style: TagStyle
    columns: Mapping[str, str]


def read_sharegpt(folder: Path, name: str, progress: Progress, notes: Notes) -> Iterator[SourceRow]:
    """The rows of the dataset with this name."""
    entry = _entry(folder, name)
    roles = ", ".join(entry.style.roles)
    notes.container = f'LLaMA-Factory dataset "{name}" in {entry.file.name}'
    form = f"{entry.style} ({roles})"
    is_parquet = entry.file.suffix == ".parquet"
    records = parquet_records([entry.file], progress, notes) if is_parquet else json_records(entry.file, progress)
    for place, record in records:
        yield _row(place, record, entry, form)


def _row(place: RowPlace, record: Mapping[str, object], entry: _Entry, form: str) -> SourceRow:
    columns = entry.columns
    messages = columns["messages"]
    if messages not in record:
        raise place.refuse(messages, f"a list of {entry.style}", f"the keys {', '.join(record)}")
    for kind in ("tools", "videos", "audios"):
        if record.get(columns.get(kind, "")):
            raise place.refuse(
                columns[kind], f"no {kind}: rows hold text and images alone", shown(record[columns[kind]])
            )
    in_parts: list[ImageSource] = []
    turns = turns_of(record[messages], entry.style, place, messages, in_parts)
    system = record.get(columns.get("system", ""))
    if system is not None:
        if not isinstance(system, str):
            raise place.refuse(columns["system"], "text", shown(system))
        turns = [Turn("system", system), *turns] if system.strip() else turns
    mapped = columns.get("images")
    beside = images_of(record.get(mapped), place, mapped) if mapped else []
    return SourceRow(
        place=place,
        turns=turns,
        images=in_one_place(in_parts, beside, place, mapped or "images"),
        messages_form=form,
        tags_optional=False,
        rest={key: value for key, value in record.items() if key not in columns.values()},
    )


def _entry(folder: Path, name: str) -> _Entry:
    info = folder / "dataset_info.json"
    try:
        datasets = fields_of(json.loads(info.read_text(encoding="utf-8-sig"))) or {}
    except OSError as error:
        raise unreadable(info, error) from error
    except (ValueError, RecursionError) as error:
        raise _refused(info, "", "a JSON object of datasets by name", f"no JSON: {error}") from error
    if name not in datasets:
        near = difflib.get_close_matches(name, datasets, 1)
        meant = f"; did you mean {near[0]}?" if near else ""
        names = ", ".join(list(datasets)[:20]) or "no datasets"
        raise _refused(info, name, f'a dataset "{name}"', f"{names}{meant}")
    fields = fields_of(datasets[name])
    if fields is None:
        raise _refused(info, name, "an object", shown(datasets[name]))
    return _checked(folder, info, name, fields)


def _checked(folder: Path, info: Path, name: str, fields: Mapping[str, object]) -> _Entry:
    for hub in _HUBS:
        if hub in fields:
            hint = 'Read a dataset of a hub with hubDataset("organisation/name"), or download it and name its file.'
            raise _refused(info, f"{name}.{hub}", "a file_name in this folder", shown(fields[hub]), hint)
    if fields.get("ranking"):
        hint = "Preference pairs are no rows of supervised fine-tuning; name a dataset of single answers."
        raise _refused(info, f"{name}.ranking", "single answers", "ranking: preference pairs", hint)
    formatting = fields.get("formatting", "alpaca")
    if formatting != "sharegpt":
        said = shown(formatting) if "formatting" in fields else 'none, which means "alpaca"'
        raise _refused(info, f"{name}.formatting", '"sharegpt"', said)
    for key, value in fields.items():
        if key not in _ENTRY or (key == "split" and value != "train"):
            expected = f"the keys {', '.join(_ENTRY)} alone, split at train"
            raise _refused(info, f"{name}.{key}", expected, f"{key}: {shown(value)}")
    columns = {"messages": "conversations", **_texts(fields, "columns", _COLUMNS, info, name)}
    tags = {**_TAGS, **_texts(fields, "tags", tuple(_TAGS), info, name)}
    roles: dict[str, Role] = {
        tags["system_tag"]: "system",
        tags["user_tag"]: "user",
        tags["assistant_tag"]: "assistant",
    }
    style = TagStyle(tags["role_tag"], tags["content_tag"], roles)
    return _Entry(_file(folder, info, name, fields.get("file_name")), style, columns)


def _texts(fields: Mapping[str, object], key: str, known: tuple[str, ...], info: Path, name: str) -> dict[str, str]:
    value = fields_of(fields.get(key, {}))
    if value is None:
        raise _refused(info, f"{name}.{key}", "an object", shown(fields[key]))
    texts: dict[str, str] = {}
    for inner, text in value.items():
        if inner not in known:
            raise _refused(info, f"{name}.{key}.{inner}", f"one of {', '.join(known)}", inner)
        if not isinstance(text, str) or not text:
            raise _refused(info, f"{name}.{key}.{inner}", "text", shown(text))
        texts[inner] = text
    return texts


def _file(folder: Path, info: Path, name: str, value: object) -> Path:
    if not isinstance(value, str) or not value:
        raise _refused(info, f"{name}.file_name", "the name of a file", shown(value))
    file = folder / value
    if not file.resolve().is_relative_to(folder.resolve()):
        raise _refused(
            info, f"{name}.file_name", f"a file inside {folder}", f"{shown(value)}, which is {file.resolve()}"
        )
    if not file.is_file() or file.suffix not in (".json", ".jsonl", ".parquet"):
        found = f"a folder {file}" if file.is_dir() else shown(value) if file.is_file() else f"no file {file}"
        raise _refused(info, f"{name}.file_name", "an existing .json, .jsonl or .parquet file", found)
    return file


def _refused(info: Path, field: str, expected: str, found: str, hint: str = "") -> EngineFailure:
    advice = {"hint": hint} if hint else {}
    return EngineFailure.mismatch("data_refused", f"{info}, {field}", expected, found, file=info, field=field, **advice)
