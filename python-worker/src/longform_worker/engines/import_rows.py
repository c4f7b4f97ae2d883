"""Import: rows with image files or drawings become rows with stored images at their final size."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

from PIL import Image

from longform_worker.data.draw import Place, draw
from longform_worker.data.images import check_policy, decode, fit, settle, store
from longform_worker.data.rows import count_rows, read_rows, write_rows
from longform_worker.failure import EngineFailure
from longform_worker.jobs import ImportJob
from longform_worker.wire import EngineLink

PROGRESS_SECONDS = 0.25
NAMED_FAULTS = 10


@dataclass(slots=True)
class _Counts:
    rows: int = 0
    images: int = 0
    new_images: int = 0


@dataclass(slots=True)
class _Faults:
    """Images that cannot be used: how many there are, and the first of them."""

    count: int = 0
    first: list[EngineFailure] = field(default_factory=list[EngineFailure])

    def add(self, fault: EngineFailure) -> None:
        """Remember a fault; anything but a data_refused failure is raised."""
        if fault.code != "data_refused":
            raise fault
        self.count += 1
        if len(self.first) < NAMED_FAULTS:
            self.first.append(fault)

    def refuse(self, source: Path) -> None:
        """Raises what was found, if anything: a single fault as it is, several with the first ones named."""
        if self.count == 0:
            return
        if self.count == 1:
            raise self.first[0]
        which = "the first of them" if self.count > NAMED_FAULTS else "these"
        named = "\n".join(fault.detail.removeprefix(f"{source}, ") for fault in self.first)
        raise EngineFailure(
            "data_refused",
            f"{which}:\n{named}",
            file=source,
            rows=", ".join(dict.fromkeys(fault.facts["row"] for fault in self.first)),
            expected="images that can be read and that the vision policy can bring to their size",
            found=f"{self.count} images that cannot be used",
        ) from self.first[0]


def run(job: ImportJob, link: EngineLink) -> dict[str, object]:
    """Import the rows of a job. Raises EngineFailure: spec_refused for the policy, data_refused for rows: a list of
    images that is none at once, images that cannot be used when all rows have been looked at."""
    check_policy(job.vision_policy, "import.vision_policy")
    source = Path(job.source_rows_path)
    link.phase("planning")
    total = count_rows(source)
    if total == 0:
        raise EngineFailure(
            "data_refused",
            f"{source} holds no rows; a data set needs at least one.",
            file=source,
            expected="at least one row",
            found="none",
        )
    link.phase("running")
    counts = _Counts()
    write_rows(Path(job.rows_path), _imported(job, source, total, counts, link))
    link.send("progress", done=counts.rows, total=total, unit="rows")
    return {"imported": asdict(counts)}


def _imported(
    job: ImportJob, source: Path, total: int, counts: _Counts, link: EngineLink
) -> Iterator[Mapping[str, Any]]:
    told = time.monotonic()
    faults = _Faults()
    for row in read_rows(source):
        yield {**row, "images": _store_images(job, source, row, counts, faults)}
        counts.rows += 1
        if time.monotonic() - told >= PROGRESS_SECONDS:
            told = time.monotonic()
            link.send("progress", done=counts.rows, total=total, unit="rows")
    faults.refuse(source)
    settle(Path(job.blob_root))  # the rows file appears after the last row, hence after this


def _store_images(
    job: ImportJob, source: Path, row: Mapping[str, Any], counts: _Counts, faults: _Faults
) -> list[dict[str, Any]]:
    place = Place(str(source), row["id"], 0)
    images: object = row.get("images")
    if not isinstance(images, list):
        raise place.refuse("a list", images, '"images"')
    items = cast("list[object]", images)
    if len(items) > job.vision_policy.max_images:
        faults.add(place.refuse(f"at most {job.vision_policy.max_images} images", f"{len(items)}", '"images"'))
        return []
    references: list[dict[str, Any]] = []
    for index, item in enumerate(items):
        place = Place(str(source), row["id"], index, _path_of(item))
        try:
            picture = fit(_open(item, job.image_root, place), job.vision_policy, place)
        except EngineFailure as fault:
            faults.add(fault)
            continue
        reference, new = store(picture, Path(job.blob_root))
        counts.images += 1
        counts.new_images += new
        references.append(asdict(reference))
    return references


def _path_of(item: object) -> str:
    path = cast("dict[str, object]", item).get("path") if isinstance(item, dict) else None
    return path if isinstance(path, str) else ""


def _open(item: object, image_root: str, place: Place) -> Image.Image:
    source = cast("dict[str, object]", item) if isinstance(item, dict) else {}
    path = source.get("path")
    if isinstance(path, str) and len(source) == 1:
        return decode(_inside(image_root, path, place), place)
    if "drawing" in source and len(source) == 1:
        return draw(source["drawing"], place)
    raise place.refuse('{"path": …} or {"drawing": …}', source or cast("object", item))


def _inside(image_root: str, path: str, place: Place) -> Path:
    """The file at ``path`` under the root, links followed; one that lies elsewhere is refused."""
    if not image_root:
        raise place.refuse("a drawing, because the job names no image folder", f'the path "{path}"')
    root = Path(image_root).resolve()
    try:
        file = (root / path).resolve()
    except (ValueError, RuntimeError, OSError) as error:
        raise place.refuse("a path", f'"{path}" ({error})') from error
    if not file.is_relative_to(root):
        raise place.refuse(f"a file inside {root}", f'"{path}", which is {file}')
    return file
