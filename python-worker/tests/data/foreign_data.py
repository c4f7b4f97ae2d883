"""Datasets in the forms of others, made by tests and read by the real engine."""

from __future__ import annotations

import importlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from longform_worker.engines import read_dataset
from longform_worker.failure import EngineFailure
from longform_worker.jobs import ReadJob
from longform_worker.records import read_record
from recorded_link import RecordedLink

Row = dict[str, Any]
TALK = ({"role": "user", "content": "Write."}, {"role": "assistant", "content": "Words."})
PAIRS = ({"from": "human", "value": "<image>Write."}, {"from": "gpt", "value": "Words."})


def picture(colour: str = "red", format_: str = "PNG") -> bytes:
    """The file of a small picture."""
    buffer = io.BytesIO()
    Image.new("RGB", (28, 28), colour).save(buffer, format=format_)
    return buffer.getvalue()


def put(folder: Path, *names: str) -> None:
    """Picture files with these names."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(picture())


def lines(path: Path, rows: list[Any]) -> Path:
    """JSON lines."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def table(path: Path, rows: list[Row], schema: Any = None, **options: Any) -> Path:
    """A parquet file; its types are those that Arrow sees in the rows, or ``schema``."""
    arrow: Any = importlib.import_module("pyarrow")
    parquet: Any = importlib.import_module("pyarrow.parquet")
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(arrow.Table.from_pylist(rows, schema=schema), path, **options)
    return path


def job(folder: Path, path: Path, form: str, *, name: str = "", image_root: str = "", limit: int = 0) -> ReadJob:
    """A job that writes next to the data."""
    fields = {
        "path": str(path),
        "format": f"DATASET_FORMAT_{form}",
        "name": name,
        "image_root": image_root,
        "rows_path": str(folder / "out" / "rows.jsonl"),
        "images_path": str(folder / "out" / "images"),
        "limit": limit,
    }
    return read_record(ReadJob, fields, "read")


def read(folder: Path, path: Path, form: str, **options: Any) -> tuple[list[Row], Row]:
    """The rows that the engine writes, and its result."""
    made = job(folder, path, form, **options)
    with RecordedLink() as link:
        result: Any = read_dataset.run(made, link)["read"]
    rows = [json.loads(line) for line in Path(made.rows_path).read_text("utf-8").splitlines()]
    assert len(rows) == result["rows"]
    return rows, result


def refused(folder: Path, path: Path, form: str, **options: Any) -> EngineFailure:
    """The failure that the engine ends with; it has published no rows."""
    made = job(folder, path, form, **options)
    with RecordedLink() as link, pytest.raises(EngineFailure) as caught:
        read_dataset.run(made, link)
    assert not Path(made.rows_path).exists()
    assert not list(folder.rglob("*.partial*"))
    assert caught.value.code == "data_refused"
    return caught.value
