"""One row of our own form from one row of somebody else's, and what all of them were found to be."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from longform_worker.data.importers.image_sources import ImageFolders
from longform_worker.data.importers.source_row import (
    IMAGE_TAG,
    BytesImage,
    ImageSource,
    Notes,
    RowPlace,
    SourceRow,
    shown,
)
from longform_worker.data.importers.turns import prompt_and_target
from longform_worker.failure import EngineFailure

MAX_ID_CHARACTERS = 200
_OWN_FIELDS = frozenset({"id", "language", "prompt", "target", "images"})
# Columns whose loss would change what a row means.
_NOT_IN_ROWS = ("image", "video", "videos", "audio", "audios", "tools", "functions", "chosen", "rejected")
_IDEOGRAPH = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_LANGUAGES = {"en": "en", "english": "en", "zh": "zh", "chinese": "zh", "zh-cn": "zh", "中文": "zh"}
_LEADING_TAG = re.compile(rf"{IMAGE_TAG}(\r?\n)?")
_OTHER_TAGS = ("<video>", "<audio>")


class RowBuilder:
    """Builds rows in order. Whatever must be equal in all rows is compared with the first row that has it."""

    def __init__(self, image_root: Path, images_path: Path) -> None:
        self.folders = ImageFolders(image_root, images_path)
        self._written_to = images_path
        self._asked_root = image_root
        self._firsts: dict[str, tuple[str, RowPlace]] = {}
        self._ids: dict[str, RowPlace] = {}
        self._languages: Counter[str] = Counter()
        self._rows = 0
        self._images = 0
        self._tags_removed = 0
        self._tags_kept = 0
        self._left_out: dict[str, str] = {}

    def build(self, source: SourceRow) -> dict[str, object]:
        """The row as an import reads it. Raises EngineFailure (data_refused)."""
        place = source.place
        self._agree("messages", source.messages_form, place)
        for name in _NOT_IN_ROWS:
            if source.rest.get(name):
                raise _not_in_rows(name, source.rest[name], place)
        identifier = self._id(source.rest, place)
        prompt, target = prompt_and_target(source.turns, place, "messages")
        prompt = self._settle_tags(prompt, target, source)
        _refuse_text("prompt", prompt, place, 'Say what is to be written, as in "Describe the images.".')
        _refuse_text("target", target, place, "Leave the row out: there is nothing to learn from it.")
        row = {
            "id": identifier,
            "language": self._language(source.rest.get("language"), prompt, target),
            "prompt": prompt,
            "target": target,
            "images": [{"path": self._image(i, image, place)} for i, image in enumerate(source.images)],
            **self._further(source.rest),
        }
        _refuse_half_characters(row, place)
        self._rows += 1
        self._images += len(source.images)
        return row

    def _agree(self, subject: str, form: str, place: RowPlace) -> None:
        first, where = self._firsts.setdefault(subject, (form, place))
        if form != first:
            expected = f"{first}, as in {where.seen_from(place)}"
            raise place.refuse(subject, expected, form, "Bring all rows into one form.")

    def _id(self, rest: Mapping[str, object], place: RowPlace) -> str:
        value = rest.get("id")
        self._agree("id", "an id" if "id" in rest else "no id", place)
        if "id" not in rest:
            return f"row-{self._rows + 1:06d}"
        if isinstance(value, bool) or not isinstance(value, str | int) or not 0 < len(str(value)) <= MAX_ID_CHARACTERS:
            raise place.refuse("id", f"text of 1 to {MAX_ID_CHARACTERS} characters or a whole number", shown(value))
        first = self._ids.setdefault(str(value), place)
        if first is not place:
            raise place.refuse("id", "an id of its own", f"{value} a second time, first in {first.seen_from(place)}")
        return str(value)

    def _settle_tags(self, prompt: str, target: str, source: SourceRow) -> str:
        """The prompt without the tags that it begins with; where others follow, all stay and only "inline" reads it."""
        place, images = source.place, len(source.images)
        if IMAGE_TAG in target:
            where = f"the tag {IMAGE_TAG} at character {target.index(IMAGE_TAG)} of the answer"
            raise place.refuse("target", "no image tag: an answer holds no images", where)
        tags = prompt.count(IMAGE_TAG)
        if source.tags_optional and images:
            self._agree("image tags", "tags in the text" if tags else "no tags in the text", place)
        if tags != images and not (source.tags_optional and tags == 0):
            unread = " (dataset_info.json maps no column to images)" if images == 0 and "images" in source.rest else ""
            raise place.refuse("images", f"one {IMAGE_TAG} for each image", f"{tags} tags and {images} images{unread}")
        if tags == 0:
            return prompt
        before, _, _ = prompt.rpartition(IMAGE_TAG)
        if before.replace(IMAGE_TAG, "").strip():
            self._tags_kept += 1
            return prompt
        self._tags_removed += 1
        return _LEADING_TAG.sub("", prompt)

    def _image(self, index: int, image: ImageSource, place: RowPlace) -> str:
        field = f"images[{index}]"
        if isinstance(image, BytesImage):
            self._agree("images", image.form, place)
            return self.folders.write(image.content, place, field)
        self._agree("images", "paths", place)
        return self.folders.find(image.path, place, field)

    def _language(self, given: object, prompt: str, target: str) -> str:
        language = _LANGUAGES.get(given.strip().lower(), "") if isinstance(given, str) else ""
        if not language:
            if given is not None:
                self._left_out["language"] = "other than en and zh, so told by the letters"
            letters = sum(map(str.isalpha, prompt)) + sum(map(str.isalpha, target))
            ideographs = sum(1 for text in (prompt, target) for _ in _IDEOGRAPH.finditer(text))
            language = "zh" if ideographs and 3 * ideographs >= letters else "en"
        self._languages[language] += 1
        return language

    def _further(self, rest: Mapping[str, object]) -> dict[str, object]:
        kept: dict[str, object] = {}
        for name, value in rest.items():
            if name in ("id", "language"):
                continue
            if name in _OWN_FIELDS:
                self._left_out[name] = "the name is taken"
            elif isinstance(value, float) and not math.isfinite(value):
                kept[name] = None  # what tables write where a value is missing, and JSON cannot
            elif value is None or isinstance(value, str | int | float):
                kept[name] = value
            else:
                self._left_out[name] = "not a plain value"
        return kept

    @property
    def image_root(self) -> Path:
        """What the paths of the rows are relative to."""
        form, _ = self._firsts.get("images", ("paths", None))
        return self._asked_root if form == "paths" else self._written_to

    def refuse_missing(self, file: str) -> None:
        """Refuses the dataset when any image file was not there, naming the first ten."""
        count = self.folders.missing_count
        if count == 0:
            return
        named = ", ".join(f"{path} ({place.where})" for place, path in self.folders.missing)
        more = f" and {count - 10} more" if count > 10 else ""
        raise EngineFailure(
            "data_refused",
            f"{count} {'image is' if count == 1 else 'images are'} not below {self.folders.root}: {named}{more}.",
            file=file,
            field="images",
            expected=f"every image below {self.folders.root}",
            found=f"{count} missing: {named}{more}",
        )

    def found(self, notes: Notes) -> str:
        """What the rows were found to be, in words."""
        messages = self._firsts["messages"][0]
        images, _ = self._firsts.get("images", ("", None))
        formats = f" ({', '.join(sorted(self.folders.formats))})" if self.folders.formats else ""
        languages = ", ".join(f"{count:,} {name}" for name, count in sorted(self._languages.items()))
        left_out = {**notes.left_out, **self._left_out}
        columns = ", ".join(f"{name} ({reason})" for name, reason in sorted(left_out.items()))
        parts = [
            notes.container,
            f"messages: {messages}",
            f"images: {self._images:,} as {images}{formats}" if images else "no images",
            self._tags_in_words(),
            "ids: from the rows" if self._firsts["id"][0] == "an id" else "ids: by number",
            f"languages: {languages}",
            f"columns that rows do not keep: {columns}" if columns else "",
            _rows_in_words(self._rows),
        ]
        return "; ".join(part for part in parts if part)

    def _tags_in_words(self) -> str:
        kept, removed = self._tags_kept, self._tags_removed
        if kept:
            of = _rows_in_words(kept)
            needed = f'image tags inside or behind the text of {of}, kept: promptLayout "inline" is needed'
            first = f", removed from the start of {_rows_in_words(removed)}: inline, images then stand first"
            return f"{needed}{first if removed else ''}"
        if removed:
            return 'image tags at the start of the prompts, removed: promptLayout "imagesFirst"'
        return "no image tags: promptLayout decides where images stand" if self._images else ""


def _not_in_rows(name: str, value: object, place: RowPlace) -> EngineFailure:
    if name in ("chosen", "rejected"):
        return place.refuse(
            name, "one answer a row", f"preference pairs {shown(value)}", "Pairs are not for this stage."
        )
    expected = 'a list "images"' if name == "image" else f'no "{name}"'
    return place.refuse(name, f"{expected}: rows hold text and images alone", shown(value))


def _rows_in_words(count: int) -> str:
    return f"{count:,} {'row' if count == 1 else 'rows'}"


def _refuse_text(name: str, text: str, place: RowPlace, hint: str) -> None:
    """Refuses a text that is empty, or that holds the tag of something that rows cannot hold."""
    if not text.strip():
        raise place.refuse(name, "text that is not empty", shown(text), hint)
    for tag in _OTHER_TAGS:
        if tag in text:
            found = f"the tag {tag} at character {text.index(tag)}"
            hint = "Leave the row out. Where the tag is meant as words, write it otherwise."
            raise place.refuse(name, f"no {tag}: rows hold text and images alone", found, hint)


def _refuse_half_characters(row: Mapping[str, object], place: RowPlace) -> None:
    for name, value in row.items():
        if isinstance(value, str):
            try:
                value.encode()
            except UnicodeEncodeError as error:
                found = f"half a surrogate pair at character {error.start}"
                raise place.refuse(name, "text that UTF-8 can carry", found) from error
