"""Conversations of a row as turns: objects in either tag style, content as text or as parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from longform_worker.data.importers.image_sources import image_at
from longform_worker.data.importers.source_row import (
    IMAGE_TAG,
    ImageSource,
    Role,
    RowPlace,
    Turn,
    fields_of,
    items_of,
    shown,
)


@dataclass(frozen=True, slots=True)
class TagStyle:
    """The keys of a message and the roles by the names that it may carry."""

    role_key: str
    content_key: str
    roles: Mapping[str, Role]

    @property
    def keys(self) -> tuple[str, str]:
        """Both keys."""
        return (self.role_key, self.content_key)

    def __str__(self) -> str:
        return f"{self.role_key}/{self.content_key} objects"


OPENAI = TagStyle(
    "role", "content", {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
)
SHAREGPT = TagStyle(
    "from",
    "value",
    {"system": "system", "human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant"},
)


def style_of(messages: Sequence[object]) -> TagStyle | None:
    """The style whose keys every message has; None when there is none."""
    keys = [fields.keys() for item in messages if (fields := fields_of(item)) is not None]
    if not keys or len(keys) < len(messages):
        return None
    return next((style for style in (OPENAI, SHAREGPT) if all({*style.keys} <= each for each in keys)), None)


def turns_of(value: object, style: TagStyle, place: RowPlace, field: str, images: list[ImageSource]) -> list[Turn]:
    """The turns of a list of message objects; images that parts hold are added to ``images``."""
    messages = items_of(value)
    if not messages:
        raise place.refuse(field, f"a list of {style}", shown(value))
    return [_turn(message, style, place, f"{field}[{index}]", images) for index, message in enumerate(messages)]


def _turn(value: object, style: TagStyle, place: RowPlace, field: str, images: list[ImageSource]) -> Turn:
    message = fields_of(value)
    if message is None:
        raise place.refuse(field, f'an object with "{style.role_key}" and "{style.content_key}"', shown(value))
    further = [name for name, part in message.items() if part is not None and name not in style.keys]
    if further or not {*style.keys} <= message.keys():
        keys = ", ".join(f'"{name}"' for name in message)
        raise place.refuse(field, f'"{style.role_key}" and "{style.content_key}" alone', keys or "no keys")
    name = message[style.role_key]
    role = style.roles.get(name) if isinstance(name, str) else None
    if role is None:
        raise place.refuse(f"{field}.{style.role_key}", f"one of {', '.join(style.roles)}", shown(name))
    return Turn(role, _text(message[style.content_key], place, f"{field}.{style.content_key}", images))


def _text(content: object, place: RowPlace, field: str, images: list[ImageSource]) -> str:
    if isinstance(content, str):
        return content
    parts = items_of(content)
    if parts is None:
        raise place.refuse(field, "text or a list of parts", shown(content))
    return "".join(_part(part, place, f"{field}[{index}]", images) for index, part in enumerate(parts))


def _part(value: object, place: RowPlace, field: str, images: list[ImageSource]) -> str:
    """The text of a part. Arrow gives every part the keys of all, so a key that is null counts as absent."""
    part = _without_nulls(value)
    kind, size = part.get("type"), len(part)
    text = part.get("text")
    if kind == "text" and isinstance(text, str) and size == 2:
        if IMAGE_TAG in text:
            raise place.refuse(field, f"text without the tag {IMAGE_TAG}, since images are parts here", shown(text))
        return text
    if kind == "image" and size == 1:
        return IMAGE_TAG
    address = part.get("image_url")
    url = address if isinstance(address, str) else _without_nulls(address).get("url")
    if kind == "image_url" and isinstance(url, str) and size == 2:
        images.append(image_at(url, place, field))
        return IMAGE_TAG
    raise place.refuse(field, 'a part of type "text", "image_url" or, beside a list of images, "image"', shown(value))


def _without_nulls(value: object) -> dict[str, object]:
    return {name: item for name, item in (fields_of(value) or {}).items() if item is not None}


def prompt_and_target(turns: Sequence[Turn], place: RowPlace, field: str) -> tuple[str, str]:
    """The user's words and the answer of a conversation with one of each."""
    talk = turns[1:] if turns and turns[0].role == "system" else turns
    if len(talk) < len(turns) and turns[0].text.strip():
        hint = "The model's own chat template gives the system prompt; move what the rows need into the user's turn."
        raise place.refuse(field, "no system turn, or an empty one", f"a system turn {shown(turns[0].text)}", hint)
    roles = [turn.role for turn in talk]
    if roles == ["user", "assistant"]:
        return talk[0].text, talk[1].text
    if roles.count("assistant") > 1:
        found = f"{roles.count('user')} user and {roles.count('assistant')} assistant turns"
        hint = "A row trains one answer: make a row of each answer that is to be learnt."
        raise place.refuse(field, "one user turn and one assistant turn", found, hint)
    raise place.refuse(field, "one user turn and one assistant turn", f"the turns {', '.join(roles) or 'none'}")
