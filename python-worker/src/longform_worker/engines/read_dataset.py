"""Reading: a dataset that others have made becomes rows of image sources, or is refused by row."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from longform_worker.data.importers.messages import read_messages
from longform_worker.data.importers.parquet import read_parquet
from longform_worker.data.importers.row_builder import RowBuilder
from longform_worker.data.importers.sharegpt import read_sharegpt
from longform_worker.data.importers.source_row import Notes, Progress, SourceRow
from longform_worker.data.rows import write_rows
from longform_worker.failure import EngineFailure
from longform_worker.jobs import DatasetFormat, ReadJob
from longform_worker.wire import EngineLink

PROGRESS_SECONDS = 0.25


def run(job: ReadJob, link: EngineLink) -> dict[str, object]:
    """Read the rows of a job. Raises EngineFailure: data_refused naming file, row and field."""
    path = Path(job.path)
    if not path.exists():
        raise _refused(path, "a file or folder that exists", "nothing there")
    root = Path(job.image_root or (path if path.is_dir() else path.parent))
    if not root.is_dir():
        raise _refused(root, "a folder that images lie in", "no folder there")
    link.phase("running")
    progress, notes = Progress(), Notes()
    builder = RowBuilder(root, Path(job.images_path))
    count = write_rows(Path(job.rows_path), _built(job, path, builder, progress, notes, link))
    link.send("progress", done=count, total=count, unit="rows")
    # Compared with the job's own words by whoever asked, hence never resolved.
    image_root = str(builder.image_root)
    return {"read": {"rows": count, "image_root": image_root, "found": builder.found(notes)}}


def _built(
    job: ReadJob, path: Path, builder: RowBuilder, progress: Progress, notes: Notes, link: EngineLink
) -> Iterator[Mapping[str, Any]]:
    told = time.monotonic()
    count = 0
    for source in _sources(job, path, progress, notes):
        yield builder.build(source)
        count += 1
        if time.monotonic() - told >= PROGRESS_SECONDS:
            told = time.monotonic()
            link.send("progress", done=progress.done, total=progress.total, unit=progress.unit)
        if count == job.limit:
            break
    if count == 0:
        raise _refused(path, "at least one row", "none")
    builder.refuse_missing(str(path))


def _sources(job: ReadJob, path: Path, progress: Progress, notes: Notes) -> Iterator[SourceRow]:
    match job.format:
        case DatasetFormat.SHAREGPT:
            if not path.is_dir():
                raise _refused(path, "the folder with dataset_info.json", "a file")
            return read_sharegpt(path, job.name, progress, notes)
        case DatasetFormat.MESSAGES:
            if path.is_dir():
                raise _refused(path, "a file of JSON lines", "a folder")
            return read_messages(path, progress, notes)
        case DatasetFormat.PARQUET:
            return read_parquet(path, progress, notes)


def _refused(path: Path, expected: str, found: str) -> EngineFailure:
    return EngineFailure.mismatch("data_refused", path, expected, found, file=path)
