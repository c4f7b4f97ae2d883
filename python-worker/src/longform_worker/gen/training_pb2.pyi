from . import dataset_pb2 as _dataset_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PromptLayout(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PROMPT_LAYOUT_UNSPECIFIED: _ClassVar[PromptLayout]
    PROMPT_LAYOUT_IMAGES_FIRST: _ClassVar[PromptLayout]
    PROMPT_LAYOUT_TEXT_FIRST: _ClassVar[PromptLayout]
    PROMPT_LAYOUT_INLINE: _ClassVar[PromptLayout]

class LossNormalisation(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LOSS_NORMALISATION_UNSPECIFIED: _ClassVar[LossNormalisation]
    LOSS_NORMALISATION_TOKEN: _ClassVar[LossNormalisation]
    LOSS_NORMALISATION_EXAMPLE: _ClassVar[LossNormalisation]

class Precision(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PRECISION_UNSPECIFIED: _ClassVar[Precision]
    PRECISION_FLOAT32: _ClassVar[Precision]
    PRECISION_BFLOAT16: _ClassVar[Precision]

class ScheduleKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SCHEDULE_KIND_UNSPECIFIED: _ClassVar[ScheduleKind]
    SCHEDULE_KIND_COSINE: _ClassVar[ScheduleKind]
    SCHEDULE_KIND_LINEAR: _ClassVar[ScheduleKind]
    SCHEDULE_KIND_CONSTANT: _ClassVar[ScheduleKind]

class ModelPart(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MODEL_PART_UNSPECIFIED: _ClassVar[ModelPart]
    MODEL_PART_VISION: _ClassVar[ModelPart]
    MODEL_PART_MERGER: _ClassVar[ModelPart]
    MODEL_PART_LANGUAGE: _ClassVar[ModelPart]

class AdapterLayers(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ADAPTER_LAYERS_UNSPECIFIED: _ClassVar[AdapterLayers]
    ADAPTER_LAYERS_ALL: _ClassVar[AdapterLayers]
    ADAPTER_LAYERS_ATTENTION: _ClassVar[AdapterLayers]
    ADAPTER_LAYERS_FEED_FORWARD: _ClassVar[AdapterLayers]

class Architecture(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ARCHITECTURE_UNSPECIFIED: _ClassVar[Architecture]
    ARCHITECTURE_QWEN2_VL: _ClassVar[Architecture]
    ARCHITECTURE_QWEN2_5_VL: _ClassVar[Architecture]
    ARCHITECTURE_QWEN3_VL: _ClassVar[Architecture]

class GateMetric(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GATE_METRIC_UNSPECIFIED: _ClassVar[GateMetric]
    GATE_METRIC_EXACT_MATCH: _ClassVar[GateMetric]

class TooLong(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TOO_LONG_UNSPECIFIED: _ClassVar[TooLong]
    TOO_LONG_REFUSE: _ClassVar[TooLong]
    TOO_LONG_DROP: _ClassVar[TooLong]
    TOO_LONG_CAP: _ClassVar[TooLong]

class RepositoryKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REPOSITORY_KIND_UNSPECIFIED: _ClassVar[RepositoryKind]
    REPOSITORY_KIND_MODEL: _ClassVar[RepositoryKind]
    REPOSITORY_KIND_DATASET: _ClassVar[RepositoryKind]
PROMPT_LAYOUT_UNSPECIFIED: PromptLayout
PROMPT_LAYOUT_IMAGES_FIRST: PromptLayout
PROMPT_LAYOUT_TEXT_FIRST: PromptLayout
PROMPT_LAYOUT_INLINE: PromptLayout
LOSS_NORMALISATION_UNSPECIFIED: LossNormalisation
LOSS_NORMALISATION_TOKEN: LossNormalisation
LOSS_NORMALISATION_EXAMPLE: LossNormalisation
PRECISION_UNSPECIFIED: Precision
PRECISION_FLOAT32: Precision
PRECISION_BFLOAT16: Precision
SCHEDULE_KIND_UNSPECIFIED: ScheduleKind
SCHEDULE_KIND_COSINE: ScheduleKind
SCHEDULE_KIND_LINEAR: ScheduleKind
SCHEDULE_KIND_CONSTANT: ScheduleKind
MODEL_PART_UNSPECIFIED: ModelPart
MODEL_PART_VISION: ModelPart
MODEL_PART_MERGER: ModelPart
MODEL_PART_LANGUAGE: ModelPart
ADAPTER_LAYERS_UNSPECIFIED: AdapterLayers
ADAPTER_LAYERS_ALL: AdapterLayers
ADAPTER_LAYERS_ATTENTION: AdapterLayers
ADAPTER_LAYERS_FEED_FORWARD: AdapterLayers
ARCHITECTURE_UNSPECIFIED: Architecture
ARCHITECTURE_QWEN2_VL: Architecture
ARCHITECTURE_QWEN2_5_VL: Architecture
ARCHITECTURE_QWEN3_VL: Architecture
GATE_METRIC_UNSPECIFIED: GateMetric
GATE_METRIC_EXACT_MATCH: GateMetric
TOO_LONG_UNSPECIFIED: TooLong
TOO_LONG_REFUSE: TooLong
TOO_LONG_DROP: TooLong
TOO_LONG_CAP: TooLong
REPOSITORY_KIND_UNSPECIFIED: RepositoryKind
REPOSITORY_KIND_MODEL: RepositoryKind
REPOSITORY_KIND_DATASET: RepositoryKind

class Optimizer(_message.Message):
    __slots__ = ("peak_learning_rate", "beta1", "beta2", "epsilon", "weight_decay", "max_gradient_norm", "part_learning_rates")
    PEAK_LEARNING_RATE_FIELD_NUMBER: _ClassVar[int]
    BETA1_FIELD_NUMBER: _ClassVar[int]
    BETA2_FIELD_NUMBER: _ClassVar[int]
    EPSILON_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_DECAY_FIELD_NUMBER: _ClassVar[int]
    MAX_GRADIENT_NORM_FIELD_NUMBER: _ClassVar[int]
    PART_LEARNING_RATES_FIELD_NUMBER: _ClassVar[int]
    peak_learning_rate: float
    beta1: float
    beta2: float
    epsilon: float
    weight_decay: float
    max_gradient_norm: float
    part_learning_rates: _containers.RepeatedCompositeFieldContainer[PartLearningRate]
    def __init__(self, peak_learning_rate: _Optional[float] = ..., beta1: _Optional[float] = ..., beta2: _Optional[float] = ..., epsilon: _Optional[float] = ..., weight_decay: _Optional[float] = ..., max_gradient_norm: _Optional[float] = ..., part_learning_rates: _Optional[_Iterable[_Union[PartLearningRate, _Mapping]]] = ...) -> None: ...

class PartLearningRate(_message.Message):
    __slots__ = ("part", "peak_learning_rate")
    PART_FIELD_NUMBER: _ClassVar[int]
    PEAK_LEARNING_RATE_FIELD_NUMBER: _ClassVar[int]
    part: ModelPart
    peak_learning_rate: float
    def __init__(self, part: _Optional[_Union[ModelPart, str]] = ..., peak_learning_rate: _Optional[float] = ...) -> None: ...

class Tuning(_message.Message):
    __slots__ = ("full", "lora")
    FULL_FIELD_NUMBER: _ClassVar[int]
    LORA_FIELD_NUMBER: _ClassVar[int]
    full: FullTuning
    lora: LoraTuning
    def __init__(self, full: _Optional[_Union[FullTuning, _Mapping]] = ..., lora: _Optional[_Union[LoraTuning, _Mapping]] = ...) -> None: ...

class FullTuning(_message.Message):
    __slots__ = ("frozen_parts",)
    FROZEN_PARTS_FIELD_NUMBER: _ClassVar[int]
    frozen_parts: _containers.RepeatedScalarFieldContainer[ModelPart]
    def __init__(self, frozen_parts: _Optional[_Iterable[_Union[ModelPart, str]]] = ...) -> None: ...

class LoraTuning(_message.Message):
    __slots__ = ("rank", "alpha", "dropout", "targets", "layers")
    RANK_FIELD_NUMBER: _ClassVar[int]
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    DROPOUT_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    LAYERS_FIELD_NUMBER: _ClassVar[int]
    rank: int
    alpha: float
    dropout: float
    targets: _containers.RepeatedScalarFieldContainer[ModelPart]
    layers: AdapterLayers
    def __init__(self, rank: _Optional[int] = ..., alpha: _Optional[float] = ..., dropout: _Optional[float] = ..., targets: _Optional[_Iterable[_Union[ModelPart, str]]] = ..., layers: _Optional[_Union[AdapterLayers, str]] = ...) -> None: ...

class Zero(_message.Message):
    __slots__ = ("stage", "offload_optimizer", "offload_parameters")
    STAGE_FIELD_NUMBER: _ClassVar[int]
    OFFLOAD_OPTIMIZER_FIELD_NUMBER: _ClassVar[int]
    OFFLOAD_PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    stage: int
    offload_optimizer: bool
    offload_parameters: bool
    def __init__(self, stage: _Optional[int] = ..., offload_optimizer: _Optional[bool] = ..., offload_parameters: _Optional[bool] = ...) -> None: ...

class Schedule(_message.Message):
    __slots__ = ("kind", "warmup_fraction", "final_fraction")
    KIND_FIELD_NUMBER: _ClassVar[int]
    WARMUP_FRACTION_FIELD_NUMBER: _ClassVar[int]
    FINAL_FRACTION_FIELD_NUMBER: _ClassVar[int]
    kind: ScheduleKind
    warmup_fraction: float
    final_fraction: float
    def __init__(self, kind: _Optional[_Union[ScheduleKind, str]] = ..., warmup_fraction: _Optional[float] = ..., final_fraction: _Optional[float] = ...) -> None: ...

class Gate(_message.Message):
    __slots__ = ("rows_path", "metric", "at_least", "every_steps", "extra_rounds")
    ROWS_PATH_FIELD_NUMBER: _ClassVar[int]
    METRIC_FIELD_NUMBER: _ClassVar[int]
    AT_LEAST_FIELD_NUMBER: _ClassVar[int]
    EVERY_STEPS_FIELD_NUMBER: _ClassVar[int]
    EXTRA_ROUNDS_FIELD_NUMBER: _ClassVar[int]
    rows_path: str
    metric: GateMetric
    at_least: float
    every_steps: int
    extra_rounds: int
    def __init__(self, rows_path: _Optional[str] = ..., metric: _Optional[_Union[GateMetric, str]] = ..., at_least: _Optional[float] = ..., every_steps: _Optional[int] = ..., extra_rounds: _Optional[int] = ...) -> None: ...

class TrainingJob(_message.Message):
    __slots__ = ("model_path", "rows_path", "blob_root", "output_path", "checkpoint_path", "vision_policy", "prompt_layout", "max_tokens", "steps", "examples_per_step", "loss_normalisation", "optimizer", "schedule", "precision", "gradient_checkpointing", "head_chunk_tokens", "seed", "checkpoint_every_steps", "gate", "tokens_per_pass", "tuning", "zero", "tensorboard_path")
    MODEL_PATH_FIELD_NUMBER: _ClassVar[int]
    ROWS_PATH_FIELD_NUMBER: _ClassVar[int]
    BLOB_ROOT_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_PATH_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_PATH_FIELD_NUMBER: _ClassVar[int]
    VISION_POLICY_FIELD_NUMBER: _ClassVar[int]
    PROMPT_LAYOUT_FIELD_NUMBER: _ClassVar[int]
    MAX_TOKENS_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_PER_STEP_FIELD_NUMBER: _ClassVar[int]
    LOSS_NORMALISATION_FIELD_NUMBER: _ClassVar[int]
    OPTIMIZER_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    PRECISION_FIELD_NUMBER: _ClassVar[int]
    GRADIENT_CHECKPOINTING_FIELD_NUMBER: _ClassVar[int]
    HEAD_CHUNK_TOKENS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_EVERY_STEPS_FIELD_NUMBER: _ClassVar[int]
    GATE_FIELD_NUMBER: _ClassVar[int]
    TOKENS_PER_PASS_FIELD_NUMBER: _ClassVar[int]
    TUNING_FIELD_NUMBER: _ClassVar[int]
    ZERO_FIELD_NUMBER: _ClassVar[int]
    TENSORBOARD_PATH_FIELD_NUMBER: _ClassVar[int]
    model_path: str
    rows_path: str
    blob_root: str
    output_path: str
    checkpoint_path: str
    vision_policy: _dataset_pb2.VisionPolicy
    prompt_layout: PromptLayout
    max_tokens: int
    steps: int
    examples_per_step: int
    loss_normalisation: LossNormalisation
    optimizer: Optimizer
    schedule: Schedule
    precision: Precision
    gradient_checkpointing: bool
    head_chunk_tokens: int
    seed: int
    checkpoint_every_steps: int
    gate: Gate
    tokens_per_pass: int
    tuning: Tuning
    zero: Zero
    tensorboard_path: str
    def __init__(self, model_path: _Optional[str] = ..., rows_path: _Optional[str] = ..., blob_root: _Optional[str] = ..., output_path: _Optional[str] = ..., checkpoint_path: _Optional[str] = ..., vision_policy: _Optional[_Union[_dataset_pb2.VisionPolicy, _Mapping]] = ..., prompt_layout: _Optional[_Union[PromptLayout, str]] = ..., max_tokens: _Optional[int] = ..., steps: _Optional[int] = ..., examples_per_step: _Optional[int] = ..., loss_normalisation: _Optional[_Union[LossNormalisation, str]] = ..., optimizer: _Optional[_Union[Optimizer, _Mapping]] = ..., schedule: _Optional[_Union[Schedule, _Mapping]] = ..., precision: _Optional[_Union[Precision, str]] = ..., gradient_checkpointing: _Optional[bool] = ..., head_chunk_tokens: _Optional[int] = ..., seed: _Optional[int] = ..., checkpoint_every_steps: _Optional[int] = ..., gate: _Optional[_Union[Gate, _Mapping]] = ..., tokens_per_pass: _Optional[int] = ..., tuning: _Optional[_Union[Tuning, _Mapping]] = ..., zero: _Optional[_Union[Zero, _Mapping]] = ..., tensorboard_path: _Optional[str] = ...) -> None: ...

class AuditJob(_message.Message):
    __slots__ = ("model_path", "rows_path", "kept_rows_path", "report_path", "vision_policy", "prompt_layout", "max_tokens", "too_long")
    MODEL_PATH_FIELD_NUMBER: _ClassVar[int]
    ROWS_PATH_FIELD_NUMBER: _ClassVar[int]
    KEPT_ROWS_PATH_FIELD_NUMBER: _ClassVar[int]
    REPORT_PATH_FIELD_NUMBER: _ClassVar[int]
    VISION_POLICY_FIELD_NUMBER: _ClassVar[int]
    PROMPT_LAYOUT_FIELD_NUMBER: _ClassVar[int]
    MAX_TOKENS_FIELD_NUMBER: _ClassVar[int]
    TOO_LONG_FIELD_NUMBER: _ClassVar[int]
    model_path: str
    rows_path: str
    kept_rows_path: str
    report_path: str
    vision_policy: _dataset_pb2.VisionPolicy
    prompt_layout: PromptLayout
    max_tokens: int
    too_long: TooLong
    def __init__(self, model_path: _Optional[str] = ..., rows_path: _Optional[str] = ..., kept_rows_path: _Optional[str] = ..., report_path: _Optional[str] = ..., vision_policy: _Optional[_Union[_dataset_pb2.VisionPolicy, _Mapping]] = ..., prompt_layout: _Optional[_Union[PromptLayout, str]] = ..., max_tokens: _Optional[int] = ..., too_long: _Optional[_Union[TooLong, str]] = ...) -> None: ...

class AuditResult(_message.Message):
    __slots__ = ("rows", "images", "tokens", "image_tokens", "target_tokens", "longest_row_tokens", "capped", "dropped", "refused")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    IMAGE_TOKENS_FIELD_NUMBER: _ClassVar[int]
    TARGET_TOKENS_FIELD_NUMBER: _ClassVar[int]
    LONGEST_ROW_TOKENS_FIELD_NUMBER: _ClassVar[int]
    CAPPED_FIELD_NUMBER: _ClassVar[int]
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    rows: int
    images: int
    tokens: int
    image_tokens: int
    target_tokens: int
    longest_row_tokens: int
    capped: int
    dropped: int
    refused: int
    def __init__(self, rows: _Optional[int] = ..., images: _Optional[int] = ..., tokens: _Optional[int] = ..., image_tokens: _Optional[int] = ..., target_tokens: _Optional[int] = ..., longest_row_tokens: _Optional[int] = ..., capped: _Optional[int] = ..., dropped: _Optional[int] = ..., refused: _Optional[int] = ...) -> None: ...

class TrainingResult(_message.Message):
    __slots__ = ("steps", "target_tokens", "final_loss", "weights_sha256", "gate_value")
    STEPS_FIELD_NUMBER: _ClassVar[int]
    TARGET_TOKENS_FIELD_NUMBER: _ClassVar[int]
    FINAL_LOSS_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_SHA256_FIELD_NUMBER: _ClassVar[int]
    GATE_VALUE_FIELD_NUMBER: _ClassVar[int]
    steps: int
    target_tokens: int
    final_loss: float
    weights_sha256: str
    gate_value: float
    def __init__(self, steps: _Optional[int] = ..., target_tokens: _Optional[int] = ..., final_loss: _Optional[float] = ..., weights_sha256: _Optional[str] = ..., gate_value: _Optional[float] = ...) -> None: ...

class TextArchitecture(_message.Message):
    __slots__ = ("layers", "hidden_size", "intermediate_size", "heads", "key_value_heads", "rope_theta", "max_positions")
    LAYERS_FIELD_NUMBER: _ClassVar[int]
    HIDDEN_SIZE_FIELD_NUMBER: _ClassVar[int]
    INTERMEDIATE_SIZE_FIELD_NUMBER: _ClassVar[int]
    HEADS_FIELD_NUMBER: _ClassVar[int]
    KEY_VALUE_HEADS_FIELD_NUMBER: _ClassVar[int]
    ROPE_THETA_FIELD_NUMBER: _ClassVar[int]
    MAX_POSITIONS_FIELD_NUMBER: _ClassVar[int]
    layers: int
    hidden_size: int
    intermediate_size: int
    heads: int
    key_value_heads: int
    rope_theta: float
    max_positions: int
    def __init__(self, layers: _Optional[int] = ..., hidden_size: _Optional[int] = ..., intermediate_size: _Optional[int] = ..., heads: _Optional[int] = ..., key_value_heads: _Optional[int] = ..., rope_theta: _Optional[float] = ..., max_positions: _Optional[int] = ...) -> None: ...

class VisionArchitecture(_message.Message):
    __slots__ = ("layers", "hidden_size", "intermediate_size", "heads", "patch_size", "merge_size")
    LAYERS_FIELD_NUMBER: _ClassVar[int]
    HIDDEN_SIZE_FIELD_NUMBER: _ClassVar[int]
    INTERMEDIATE_SIZE_FIELD_NUMBER: _ClassVar[int]
    HEADS_FIELD_NUMBER: _ClassVar[int]
    PATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    MERGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    layers: int
    hidden_size: int
    intermediate_size: int
    heads: int
    patch_size: int
    merge_size: int
    def __init__(self, layers: _Optional[int] = ..., hidden_size: _Optional[int] = ..., intermediate_size: _Optional[int] = ..., heads: _Optional[int] = ..., patch_size: _Optional[int] = ..., merge_size: _Optional[int] = ...) -> None: ...

class ModelJob(_message.Message):
    __slots__ = ("output_path", "corpus_rows_path", "vocabulary_size", "text", "vision", "initializer_range", "seed", "vision_policy", "architecture")
    OUTPUT_PATH_FIELD_NUMBER: _ClassVar[int]
    CORPUS_ROWS_PATH_FIELD_NUMBER: _ClassVar[int]
    VOCABULARY_SIZE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    VISION_FIELD_NUMBER: _ClassVar[int]
    INITIALIZER_RANGE_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    VISION_POLICY_FIELD_NUMBER: _ClassVar[int]
    ARCHITECTURE_FIELD_NUMBER: _ClassVar[int]
    output_path: str
    corpus_rows_path: str
    vocabulary_size: int
    text: TextArchitecture
    vision: VisionArchitecture
    initializer_range: float
    seed: int
    vision_policy: _dataset_pb2.VisionPolicy
    architecture: Architecture
    def __init__(self, output_path: _Optional[str] = ..., corpus_rows_path: _Optional[str] = ..., vocabulary_size: _Optional[int] = ..., text: _Optional[_Union[TextArchitecture, _Mapping]] = ..., vision: _Optional[_Union[VisionArchitecture, _Mapping]] = ..., initializer_range: _Optional[float] = ..., seed: _Optional[int] = ..., vision_policy: _Optional[_Union[_dataset_pb2.VisionPolicy, _Mapping]] = ..., architecture: _Optional[_Union[Architecture, str]] = ...) -> None: ...

class FetchJob(_message.Message):
    __slots__ = ("repository", "revision", "holds", "token_variable")
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    HOLDS_FIELD_NUMBER: _ClassVar[int]
    TOKEN_VARIABLE_FIELD_NUMBER: _ClassVar[int]
    repository: str
    revision: str
    holds: RepositoryKind
    token_variable: str
    def __init__(self, repository: _Optional[str] = ..., revision: _Optional[str] = ..., holds: _Optional[_Union[RepositoryKind, str]] = ..., token_variable: _Optional[str] = ...) -> None: ...

class FetchResult(_message.Message):
    __slots__ = ("path", "commit", "bytes")
    PATH_FIELD_NUMBER: _ClassVar[int]
    COMMIT_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    path: str
    commit: str
    bytes: int
    def __init__(self, path: _Optional[str] = ..., commit: _Optional[str] = ..., bytes: _Optional[int] = ...) -> None: ...

class ModelResult(_message.Message):
    __slots__ = ("parameters", "vocabulary_size", "weights_sha256")
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    VOCABULARY_SIZE_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_SHA256_FIELD_NUMBER: _ClassVar[int]
    parameters: int
    vocabulary_size: int
    weights_sha256: str
    def __init__(self, parameters: _Optional[int] = ..., vocabulary_size: _Optional[int] = ..., weights_sha256: _Optional[str] = ...) -> None: ...
