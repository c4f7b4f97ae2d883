"""Plain dictionaries into records, and nothing else.

A job arrives as a plain dictionary (integers as int, enum values by their full proto name, an unset optional
message absent). A missing or extra key, a wrong type or an unknown enum value ends as ``spec_refused`` with
the dotted path of the field.
"""

from __future__ import annotations

import math
import types
from collections.abc import Mapping, Sequence
from dataclasses import fields
from enum import StrEnum
from functools import cache
from typing import Any, TypeAlias, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from longform_worker.failure import EngineFailure

_RecordT = TypeVar("_RecordT")
Hint: TypeAlias = Any  # a type hint as typing hands it out


def read_record(record: type[_RecordT], value: object, path: str) -> _RecordT:
    """Build ``record`` from a dictionary that has exactly its fields.

    ``path`` is the dotted path that stands in front of field names in refusals.
    Raises EngineFailure (spec_refused) naming the field, what was found and what is expected.
    """
    if not isinstance(value, Mapping):
        raise _refused(path, "an object", value)
    found = cast("Mapping[str, object]", value)
    hints = _hints(record)
    for name in found:
        if name not in hints:
            raise EngineFailure(
                "spec_refused",
                f"{_join(path, str(name))} is not a field of {record.__name__}; its fields are {', '.join(hints)}.",
                field_path=_join(path, str(name)),
                expected="no such field",
                found=_shown(found[name]),
            )
    built: dict[str, object] = {}
    for name, hint in hints.items():
        field_path = _join(path, name)
        if name in found:
            built[name] = _read(hint, found[name], field_path)
        elif _is_optional(hint):
            built[name] = None
        elif get_origin(hint) is tuple:  # proto3 does not tell an empty list from none
            built[name] = ()
        else:
            raise EngineFailure(
                "spec_refused",
                f"{field_path} is missing.",
                field_path=field_path,
                expected=_described(hint),
                found="nothing",
            )
    return record(**built)


@cache
def _hints(record: type[Any]) -> dict[str, Any]:
    hints = get_type_hints(record)
    return {field.name: hints[field.name] for field in fields(record)}


def _is_optional(hint: Hint) -> bool:
    return get_origin(hint) in (Union, types.UnionType) and type(None) in get_args(hint)


def _read(hint: Hint, value: object, path: str) -> object:
    if _is_optional(hint):
        inner = next(arm for arm in get_args(hint) if arm is not type(None))
        return None if value is None else _read(inner, value, path)
    if get_origin(hint) is tuple:
        if not isinstance(value, list | tuple):
            raise _refused(path, "a list", value)
        items = cast("Sequence[object]", value)
        return tuple(_read(get_args(hint)[0], item, f"{path}.{index}") for index, item in enumerate(items))
    if hint is float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise _refused(path, "a finite number", value)
        return float(value)
    if hint is int:
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise _refused(path, "a whole number of at least 0", value)
        return value
    if hint is bool or hint is str:
        if not isinstance(value, hint):
            raise _refused(path, _described(hint), value)
        return value
    if issubclass(hint, StrEnum):
        if not isinstance(value, str) or value not in list(hint):
            raise _refused(path, _described(hint), value)
        return hint(value)
    return read_record(hint, value, path)


def _described(hint: Hint) -> str:
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return "one of " + ", ".join(hint)
    plain: dict[Any, str] = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
    return plain.get(hint, "an object")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _refused(path: str, expected: str, value: object) -> EngineFailure:
    return EngineFailure(
        "spec_refused",
        f"{path} must be {expected}, found {_shown(value)}.",
        field_path=path,
        expected=expected,
        found=_shown(value),
    )
