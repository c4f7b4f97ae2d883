"""From a prompt, its images and a target to token ids, by the model folder's own chat template."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from longform_worker.data.rows import TrainingRow
from longform_worker.failure import EngineFailure
from longform_worker.jobs import ImageReference, PromptLayout

if TYPE_CHECKING:
    from longform_worker.models.loaded import ModelFolder


IMAGE_PLACE = "<image>"  # where an image goes, inline; a prompt without any has its images first


@dataclass(frozen=True, slots=True)
class PromptTokens:
    """A prompt as the model reads it; ``image_tokens`` of its ids are image placeholders."""

    ids: list[int]
    image_tokens: int

    def sha256(self) -> str:
        """SHA-256 over the ids as little-endian 32-bit numbers."""
        return hashlib.sha256(b"".join(token.to_bytes(4, "little") for token in self.ids)).hexdigest()


@dataclass(frozen=True, slots=True)
class RowTokens:
    """A training row: the prompt's ids, then the target's; targets are the ids from ``target_start`` on."""

    ids: list[int]
    target_start: int
    image_tokens: int


class PromptEncoder:
    """Encodes prompts and rows for one model and layout.

    The template decides everything around the user's words, a system prompt included. Its rendering is
    tokenised in one piece, as the model's own processor does, so user text with a special token in it
    would forge a turn or an image: it is refused instead.
    """

    def __init__(self, model: ModelFolder, layout: PromptLayout) -> None:
        self._model = model
        self._layout = layout
        tokenizer = model.tokenizer
        added: dict[int, Any] = tokenizer.added_tokens_decoder
        special = sorted((token.content for token in added.values() if token.special), key=len, reverse=True)
        self._special = re.compile("|".join(map(re.escape, special)))

    def prompt(self, prompt: str, images: Sequence[ImageReference], row: str) -> PromptTokens:
        """Token ids of one user turn up to where the answer begins. ``row`` names it in refusals.

        Raises EngineFailure: data_refused for a special token in the text, an image off the grid or places for
        images that are not those of the images, model_refused for a template that loses images.
        """
        self._refuse_special(prompt, row, "prompt")
        self._check_places(prompt, len(images), row)
        tokenizer, adapter = self._model.tokenizer, self._model.adapter
        rendered: str = tokenizer.apply_chat_template(
            [{"role": "user", "content": self._content(prompt, len(images))}],
            tokenize=False,
            add_generation_prompt=True,
        )
        ids: list[int] = []
        counts = iter([self._image_token_count(image, index, row) for index, image in enumerate(images)])
        image_tokens = 0
        for token in self._encode(rendered):
            repeats = next(counts, 0) if token == adapter.image_token_id else 1
            image_tokens += repeats if token == adapter.image_token_id else 0
            ids.extend([token] * repeats)
        if image_tokens != sum(self._image_token_count(image, index, row) for index, image in enumerate(images)):
            raise EngineFailure(
                "model_refused",
                f"The chat template of {self._model.folder} does not write one placeholder for each image.",
                file=self._model.folder / "chat_template.jinja",
                expected=f"{len(images)} image placeholders",
                found=rendered[:200],
            )
        return PromptTokens(ids, image_tokens)

    def _content(self, prompt: str, images: int) -> list[dict[str, str]]:
        """The message's content: texts and images in the order of the layout."""
        pictures = [{"type": "image"} for _ in range(images)]
        match self._layout:
            case PromptLayout.IMAGES_FIRST:
                return [*pictures, {"type": "text", "text": prompt}]
            case PromptLayout.TEXT_FIRST:
                return [{"type": "text", "text": prompt}, *pictures]
            case PromptLayout.INLINE:
                if IMAGE_PLACE not in prompt:
                    return [*pictures, {"type": "text", "text": prompt}]
                texts = [{"type": "text", "text": text} for text in prompt.split(IMAGE_PLACE)]
                pairs = zip_longest(texts, pictures)
                return [part for pair in pairs for part in pair if part is not None and part.get("text") != ""]

    def _check_places(self, prompt: str, images: int, row: str) -> None:
        """Inline, the prompt says where each image goes, or of none; in the other layouts it must say of none."""
        places = prompt.count(IMAGE_PLACE)
        inline = self._layout is PromptLayout.INLINE
        if places == 0 or (inline and places == images):
            return
        if inline:
            hint = f"Write {IMAGE_PLACE} once for each image, where it goes, or nowhere for all images first."
        else:
            hint = f'Set promptLayout to "inline" to put images there, or take {IMAGE_PLACE} out of the prompt.'
        expected = f"{images} times {IMAGE_PLACE}, or none" if inline and images else f"no {IMAGE_PLACE}"
        raise EngineFailure(
            "data_refused",
            f"Row {row}: the prompt of a row with {images} images holds {IMAGE_PLACE} {places} times. {hint}",
            row=row,
            field="prompt",
            expected=expected,
            found=f"{places} times",
        )

    def row(self, row: TrainingRow) -> RowTokens:
        """Token ids of a whole training row: prompt, target, end of turn."""
        self._refuse_special(row.target, row.id, "target")
        prompt = self.prompt(row.prompt, row.images, row.id)
        target = [*self._encode(row.target), self._model.turn_end_id]
        return RowTokens(prompt.ids + target, len(prompt.ids), prompt.image_tokens)

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = self._model.tokenizer.encode(text, add_special_tokens=False)
        return ids

    def _image_token_count(self, image: ImageReference, index: int, row: str) -> int:
        try:
            return self._model.adapter.image_token_count(image.width, image.height)
        except ValueError as error:
            multiple = self._model.adapter.grid_multiple
            raise EngineFailure(
                "data_refused",
                f"Row {row}, image {index}: {error}. Import with visionPolicy.gridMultiple {multiple}.",
                row=row,
                image=index,
                expected=f"multiples of {multiple}",
                found=f"{image.width}x{image.height}",
            ) from error

    def _refuse_special(self, text: str, row: str, field: str) -> None:
        match = self._special.search(text)
        if match:
            raise EngineFailure(
                "data_refused",
                f"Row {row}: the {field} holds the special token {match.group()} at character {match.start()}.",
                row=row,
                field=field,
                token=match.group(),
                position=match.start(),
                expected="text without special tokens",
                found=match.group(),
            )
