"""Drawing records: a picture told as a size, a background and a list of filled shapes.

A box is [x0, y0, x1, y1] in pixels with the right and bottom edge exclusive, so a box of the whole
picture is [0, 0, width, height]. Coordinates are rounded to whole pixels; there is no anti-aliasing,
so one record gives one picture on every machine.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from PIL import Image, ImageDraw

from longform_worker.failure import EngineFailure

MAX_DRAWING_PIXELS = 50_000_000
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}\Z")
_DRAWING_KEYS = {"width", "height", "background", "shapes"}
_SHAPE_KEYS = {"kind", "box", "fill", "outline", "outlineWidth"}


class Place:
    """Where a record stands, for refusals: the rows file, the row's id, the image's index and its path."""

    def __init__(self, file: str, row: str, image: int, path: str = "") -> None:
        self.file = file
        self.row = row
        self.image = image
        self.path = path

    def refuse(self, expected: str, found: object, what: str = "image") -> EngineFailure:
        """A data_refused failure that names this place, what was found and what is expected."""
        shown = found if isinstance(found, str) else repr(found)
        shown = shown if len(shown) <= 200 else shown[:197] + "..."
        if self.path not in shown:
            shown = f"{self.path}, {shown}"
        return EngineFailure(
            "data_refused",
            f"{self.file}, row {self.row}, image {self.image}: {what} must be {expected}; found {shown}.",
            file=self.file,
            row=self.row,
            image=str(self.image),
            expected=expected,
            found=shown,
        )


def draw(record: object, place: Place) -> Image.Image:
    """The RGB picture of a drawing record. Raises EngineFailure (data_refused) on any other record."""
    fields = _fields(record, _DRAWING_KEYS, "drawing", place)
    width = _whole(fields["width"], 1, "drawing.width", place)
    height = _whole(fields["height"], 1, "drawing.height", place)
    if width * height > MAX_DRAWING_PIXELS:
        raise place.refuse(f"at most {MAX_DRAWING_PIXELS} pixels", f"{width}x{height}", "drawing")
    image = Image.new("RGB", (width, height), _colour(fields["background"], "drawing.background", place))
    shapes: object = fields["shapes"]
    if not isinstance(shapes, list):
        raise place.refuse("a list", shapes, "drawing.shapes")
    canvas = ImageDraw.Draw(image)
    for index, shape in enumerate(cast("list[object]", shapes)):
        _draw_shape(canvas, shape, f"drawing.shapes.{index}", place)
    return image


def _draw_shape(canvas: ImageDraw.ImageDraw, record: object, path: str, place: Place) -> None:
    shape = _fields(record, _SHAPE_KEYS, path, place)
    x0, y0, x1, y1 = _box(shape["box"], f"{path}.box", place)
    fill = _optional_colour(shape["fill"], f"{path}.fill", place)
    outline = _optional_colour(shape["outline"], f"{path}.outline", place)
    width = _whole(shape["outlineWidth"], 0, f"{path}.outlineWidth", place)
    corners = (x0, y0, x1 - 1, y1 - 1)  # Pillow includes the right and bottom edge
    if shape["kind"] == "rectangle":
        canvas.rectangle(corners, fill=fill, outline=outline, width=width)
    elif shape["kind"] == "ellipse":
        canvas.ellipse(corners, fill=fill, outline=outline, width=width)
    else:
        raise place.refuse('"rectangle" or "ellipse"', shape["kind"], f"{path}.kind")


def _fields(record: object, keys: set[str], path: str, place: Place) -> Mapping[str, Any]:
    if not isinstance(record, Mapping):
        raise place.refuse("an object", record, path)
    found = cast("Mapping[str, Any]", record)
    if set(found) != keys:
        raise place.refuse(
            f"an object with exactly {', '.join(sorted(keys))}", ", ".join(map(str, found)) or "nothing", path
        )
    return found


def _whole(value: object, least: int, path: str, place: Place) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise place.refuse(f"a whole number of at least {least}", value, path)
    return value


def _box(value: object, path: str, place: Place) -> tuple[int, int, int, int]:
    expected = "four numbers [x0, y0, x1, y1] with x0 < x1 and y0 < y1 after rounding, each within a million of 0"
    if not isinstance(value, list):
        raise place.refuse(expected, value, path)
    numbers = cast("list[object]", value)
    rounded = [
        round(number)
        for number in numbers
        if isinstance(number, int | float) and not isinstance(number, bool) and abs(number) <= 1e6
    ]
    if len(numbers) != 4 or len(rounded) != 4:
        raise place.refuse(expected, numbers, path)
    x0, y0, x1, y1 = rounded
    if x0 >= x1 or y0 >= y1:
        raise place.refuse(expected, numbers, path)
    return x0, y0, x1, y1


def _colour(value: object, path: str, place: Place) -> str:
    if not isinstance(value, str) or not _COLOUR.match(value):
        raise place.refuse('a colour like "#f4f1e8"', value, path)
    return value


def _optional_colour(value: object, path: str, place: Place) -> str | None:
    return None if value is None else _colour(value, path, place)
