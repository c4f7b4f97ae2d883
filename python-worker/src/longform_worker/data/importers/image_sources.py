"""Images of a row in all their forms: paths, data URLs, bytes; found below their root or written by content."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes

from longform_worker.data.importers.source_row import (
    BytesImage,
    FileImage,
    ImageSource,
    RowPlace,
    fields_of,
    items_of,
    shown,
)

MAX_IMAGE_BYTES = 64 * 1024 * 1024
_MAGIC = (
    ("PNG", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("JPEG", re.compile(rb"\xff\xd8\xff")),
    ("WEBP", re.compile(rb"RIFF....WEBP", re.DOTALL)),
    ("GIF", re.compile(rb"GIF8[79]a")),
    ("BMP", re.compile(rb"BM")),
    ("TIFF", re.compile(rb"II\*\0|MM\0\*")),
    ("PPM", re.compile(rb"P[1-6]\s")),
)


def images_of(value: object, place: RowPlace, field: str) -> list[ImageSource]:
    """The images of a column; an absent or null column holds none."""
    if value is None:
        return []
    items = items_of(value)
    if items is None:
        raise place.refuse(field, "a list of images", f"{type(value).__name__} {shown(value)}")
    return [image_of(item, place, f"{field}[{index}]") for index, item in enumerate(items)]


def in_one_place(parts: list[ImageSource], beside: list[ImageSource], place: RowPlace, field: str) -> list[ImageSource]:
    """The images of a row, which are parts of its messages or stand in a column beside them."""
    if parts and beside:
        found = f"{len(parts)} image parts and {len(beside)} images beside the messages"
        raise place.refuse(field, "images in one place", found)
    return parts or beside


def image_of(value: object, place: RowPlace, field: str) -> ImageSource:
    """One image: a path, a data URL, bytes, or an object with "bytes" or "path"."""
    if isinstance(value, str):
        return image_at(value, place, field)
    if isinstance(value, bytes):
        return BytesImage(_limited(value, place, field), "bytes")
    fields = fields_of(value)
    if fields is not None:
        parts = {name: part for name, part in fields.items() if part is not None}
        content, path = parts.get("bytes"), parts.get("path")
        if isinstance(content, bytes) and parts.keys() <= {"bytes", "path"}:
            return BytesImage(_limited(content, place, field), "bytes")
        if isinstance(path, str) and parts.keys() == {"path"}:
            return image_at(path, place, field)
    raise place.refuse(field, 'a path, bytes, or {"bytes", "path"}', shown(value))


def image_at(url: str, place: RowPlace, field: str) -> ImageSource:
    """An image by its path or data: URL; one on the network is refused."""
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]+):", url)
    kind = scheme[1].lower() if scheme else ""
    if kind == "data":
        return BytesImage(_data_url(url, place, field), "data URLs")
    if kind == "file" and url[5:].startswith("///"):
        return FileImage(unquote(url[7:]))
    if scheme and url[scheme.end() :].startswith("//"):
        hint = "Download the images first and name the files: a run must not depend on what a server gives today."
        raise place.refuse(field, "a path or a data: URL", shown(url), hint)
    if not url:
        raise place.refuse(field, "a path or a data: URL", "empty text")
    return FileImage(url)


def _data_url(url: str, place: RowPlace, field: str) -> bytes:
    head, comma, body = url.partition(",")
    if not comma:
        raise place.refuse(field, "data:image/…;base64,…", shown(url))
    if len(body) > MAX_IMAGE_BYTES * 4 // 3 + 4:
        raise place.refuse(field, f"at most {MAX_IMAGE_BYTES} bytes", f"a data: URL of {len(body)} characters")
    if not head.lower().endswith(";base64"):
        return _limited(unquote_to_bytes(body), place, field)
    try:
        content = base64.b64decode("".join(body.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise place.refuse(field, "base64", f"{shown(url)} ({error})") from error
    return _limited(content, place, field)


def _limited(content: bytes, place: RowPlace, field: str) -> bytes:
    if not 0 < len(content) <= MAX_IMAGE_BYTES:
        raise place.refuse(field, f"1 to {MAX_IMAGE_BYTES} bytes", f"{len(content)} bytes")
    return content


class ImageFolders:
    """Finds image files below ``root`` and writes images that rows hold into ``written``, each once, by content."""

    def __init__(self, root: Path, written: Path) -> None:
        self.root = root.resolve()
        self.formats: set[str] = set()
        self.missing: list[tuple[RowPlace, str]] = []
        self.missing_count = 0
        self._written = written
        self._seen: set[str] = set()

    def find(self, path: str, place: RowPlace, field: str) -> str:
        """The path relative to the root. A file that is not there is remembered, one outside the root is refused."""
        try:
            file = (self.root / path).resolve()
            inside = file.is_relative_to(self.root)
            there = inside and file.is_file()
        except (ValueError, RuntimeError, OSError) as error:
            raise place.refuse(field, "a path", f"{shown(path)} ({error})") from error
        if not inside:
            raise place.refuse(field, f"a file inside {self.root}", f"{shown(path)}, which is {file}")
        if not there:
            self.missing_count += 1
            if len(self.missing) < 10:
                self.missing.append((place, path))
        return str(file.relative_to(self.root)) if Path(path).is_absolute() else path

    def write(self, content: bytes, place: RowPlace, field: str) -> str:
        """The path, relative to the folder of written images, of the file that holds this content."""
        kind = next((name for name, magic in _MAGIC if magic.match(content)), None)
        if kind is None:
            names = ", ".join(name for name, _ in _MAGIC)
            raise place.refuse(
                field, f"an image ({names})", f"{len(content)} bytes that begin with {content[:8].hex()}"
            )
        self.formats.add(kind)
        digest = hashlib.sha256(content).hexdigest()
        path = f"{digest[:2]}/{digest}.{kind.lower()}"
        if digest not in self._seen:
            self._seen.add(digest)
            file = self._written / path
            if not (file.is_file() and file.stat().st_size == len(content)):
                file.parent.mkdir(parents=True, exist_ok=True)
                temporary = file.with_name(f"{digest}.{os.getpid()}.tmp")
                temporary.write_bytes(content)
                temporary.replace(file)
        return path
