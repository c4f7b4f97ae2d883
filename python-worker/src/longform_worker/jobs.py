"""Every job an engine can be given, as strict frozen records.

The field names, units and meanings are those of ``proto/longform/v1``; ``records.read_record`` builds
them. Nothing here has a default, because defaults live in the specs alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
