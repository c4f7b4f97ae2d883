"""Every job an engine can be given, as strict frozen records.

The field names, units and meanings are those of ``proto/longform/v1``. A job arrives as a plain
dictionary (integers as int, enum values by their full proto name, an unset optional message absent).
A missing or extra key, a wrong type or an unknown enum value ends as ``spec_refused`` with the dotted
path of the field; nothing here has a default, because defaults live in the specs alone.
"""

from __future__ import annotations

import math
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import cache
from typing import Any, TypeAlias, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from longform_worker.failure import EngineFailure

_RecordT = TypeVar("_RecordT")
Hint: TypeAlias = Any  # a type hint as typing hands it out


class ResizeRule(StrEnum):
    KEEP_ASPECT = "RESIZE_RULE_KEEP_ASPECT"
    SQUARE = "RESIZE_RULE_SQUARE"


class PromptLayout(StrEnum):
    IMAGES_FIRST = "PROMPT_LAYOUT_IMAGES_FIRST"
    TEXT_FIRST = "PROMPT_LAYOUT_TEXT_FIRST"
    INLINE = "PROMPT_LAYOUT_INLINE"


class LossNormalisation(StrEnum):
    TOKEN = "LOSS_NORMALISATION_TOKEN"  # noqa: S105
    EXAMPLE = "LOSS_NORMALISATION_EXAMPLE"


class Precision(StrEnum):
    FLOAT32 = "PRECISION_FLOAT32"
    BFLOAT16 = "PRECISION_BFLOAT16"


class ScheduleKind(StrEnum):
    COSINE = "SCHEDULE_KIND_COSINE"
    LINEAR = "SCHEDULE_KIND_LINEAR"
    CONSTANT = "SCHEDULE_KIND_CONSTANT"


class ModelPart(StrEnum):
    VISION = "MODEL_PART_VISION"
    MERGER = "MODEL_PART_MERGER"
    LANGUAGE = "MODEL_PART_LANGUAGE"


class AdapterLayers(StrEnum):
    ALL = "ADAPTER_LAYERS_ALL"
    ATTENTION = "ADAPTER_LAYERS_ATTENTION"
    FEED_FORWARD = "ADAPTER_LAYERS_FEED_FORWARD"


class Architecture(StrEnum):
    QWEN2_VL = "ARCHITECTURE_QWEN2_VL"
    QWEN2_5_VL = "ARCHITECTURE_QWEN2_5_VL"
    QWEN3_VL = "ARCHITECTURE_QWEN3_VL"


class TooLong(StrEnum):
    REFUSE = "TOO_LONG_REFUSE"
    DROP = "TOO_LONG_DROP"
    CAP = "TOO_LONG_CAP"


class DatasetFormat(StrEnum):
    SHAREGPT = "DATASET_FORMAT_SHAREGPT"
    MESSAGES = "DATASET_FORMAT_MESSAGES"
    PARQUET = "DATASET_FORMAT_PARQUET"


class RepositoryKind(StrEnum):
    MODEL = "REPOSITORY_KIND_MODEL"
    DATASET = "REPOSITORY_KIND_DATASET"


class GateMetric(StrEnum):
    EXACT_MATCH = "GATE_METRIC_EXACT_MATCH"


class EngineKind(StrEnum):
    TRANSFORMERS = "ENGINE_KIND_TRANSFORMERS"
    SCRIPTED = "ENGINE_KIND_SCRIPTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class VisionPolicy:
    resize: ResizeRule
    min_pixels: int
    max_pixels: int
    grid_multiple: int
    background: str
    max_images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportJob:
    source_rows_path: str
    rows_path: str
    image_root: str
    blob_root: str
    vision_policy: VisionPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadJob:
    path: str
    format: DatasetFormat
    name: str
    image_root: str
    rows_path: str
    images_path: str
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchJob:
    repository: str
    revision: str
    holds: RepositoryKind
    token_variable: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditJob:
    model_path: str
    rows_path: str
    kept_rows_path: str
    report_path: str
    vision_policy: VisionPolicy
    prompt_layout: PromptLayout
    max_tokens: int
    too_long: TooLong


@dataclass(frozen=True, slots=True, kw_only=True)
class PartLearningRate:
    part: ModelPart
    peak_learning_rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimizer:
    peak_learning_rate: float
    beta1: float
    beta2: float
    epsilon: float
    weight_decay: float
    max_gradient_norm: float
    part_learning_rates: tuple[PartLearningRate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FullTuning:
    frozen_parts: tuple[ModelPart, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoraTuning:
    rank: int
    alpha: float
    dropout: float
    targets: tuple[ModelPart, ...]
    layers: AdapterLayers


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """Exactly one of the two is set."""

    full: FullTuning | None
    lora: LoraTuning | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Zero:
    stage: int
    offload_optimizer: bool
    offload_parameters: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    kind: ScheduleKind
    warmup_fraction: float
    final_fraction: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    rows_path: str
    metric: GateMetric
    at_least: float
    every_steps: int
    extra_rounds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingJob:
    model_path: str
    rows_path: str
    blob_root: str
    output_path: str
    checkpoint_path: str
    vision_policy: VisionPolicy
    prompt_layout: PromptLayout
    max_tokens: int
    steps: int
    examples_per_step: int
    tokens_per_pass: int
    loss_normalisation: LossNormalisation
    optimizer: Optimizer
    schedule: Schedule
    precision: Precision
    gradient_checkpointing: bool
    head_chunk_tokens: int
    tuning: Tuning
    zero: Zero
    seed: int
    checkpoint_every_steps: int
    tensorboard_path: str
    gate: Gate | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TextArchitecture:
    layers: int
    hidden_size: int
    intermediate_size: int
    heads: int
    key_value_heads: int
    rope_theta: float
    max_positions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VisionArchitecture:
    layers: int
    hidden_size: int
    intermediate_size: int
    heads: int
    patch_size: int
    merge_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelJob:
    output_path: str
    corpus_rows_path: str
    vocabulary_size: int
    text: TextArchitecture
    vision: VisionArchitecture
    initializer_range: float
    seed: int
    vision_policy: VisionPolicy
    architecture: Architecture


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationJob:
    engine: EngineKind
    model_path: str
    blob_root: str
    vision_policy: VisionPolicy
    prompt_layout: PromptLayout
    precision: Precision
    max_batch_sequences: int
    max_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageReference:
    """A stored image: SHA-256 of its PNG file in hexadecimal, width and height in pixels."""

    sha256: str
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    temperature: float
    top_p: float
    top_k: int
    max_tokens: int
    min_tokens: int
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateRequest:
    job_id: str
    request_id: str
    prompt: str
    images: tuple[ImageReference, ...]
    sampling: Sampling


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
