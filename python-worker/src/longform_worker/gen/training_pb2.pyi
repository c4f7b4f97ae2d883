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

class GateMetric(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GATE_METRIC_UNSPECIFIED: _ClassVar[GateMetric]
    GATE_METRIC_EXACT_MATCH: _ClassVar[GateMetric]
PROMPT_LAYOUT_UNSPECIFIED: PromptLayout
PROMPT_LAYOUT_IMAGES_FIRST: PromptLayout
PROMPT_LAYOUT_TEXT_FIRST: PromptLayout
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
GATE_METRIC_UNSPECIFIED: GateMetric
GATE_METRIC_EXACT_MATCH: GateMetric

class Optimizer(_message.Message):
    __slots__ = ("peak_learning_rate", "beta1", "beta2", "epsilon", "weight_decay", "max_gradient_norm")
    PEAK_LEARNING_RATE_FIELD_NUMBER: _ClassVar[int]
    BETA1_FIELD_NUMBER: _ClassVar[int]
    BETA2_FIELD_NUMBER: _ClassVar[int]
    EPSILON_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_DECAY_FIELD_NUMBER: _ClassVar[int]
    MAX_GRADIENT_NORM_FIELD_NUMBER: _ClassVar[int]
    peak_learning_rate: float
    beta1: float
    beta2: float
    epsilon: float
    weight_decay: float
    max_gradient_norm: float
    def __init__(self, peak_learning_rate: _Optional[float] = ..., beta1: _Optional[float] = ..., beta2: _Optional[float] = ..., epsilon: _Optional[float] = ..., weight_decay: _Optional[float] = ..., max_gradient_norm: _Optional[float] = ...) -> None: ...

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
    __slots__ = ("model_path", "rows_path", "blob_root", "output_path", "checkpoint_path", "vision_policy", "prompt_layout", "max_tokens", "steps", "examples_per_step", "examples_per_pass", "loss_normalisation", "optimizer", "schedule", "precision", "gradient_checkpointing", "head_chunk_tokens", "frozen_parts", "seed", "checkpoint_every_steps", "gate")
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
    EXAMPLES_PER_PASS_FIELD_NUMBER: _ClassVar[int]
    LOSS_NORMALISATION_FIELD_NUMBER: _ClassVar[int]
    OPTIMIZER_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    PRECISION_FIELD_NUMBER: _ClassVar[int]
    GRADIENT_CHECKPOINTING_FIELD_NUMBER: _ClassVar[int]
    HEAD_CHUNK_TOKENS_FIELD_NUMBER: _ClassVar[int]
    FROZEN_PARTS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_EVERY_STEPS_FIELD_NUMBER: _ClassVar[int]
    GATE_FIELD_NUMBER: _ClassVar[int]
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
    examples_per_pass: int
    loss_normalisation: LossNormalisation
    optimizer: Optimizer
    schedule: Schedule
    precision: Precision
    gradient_checkpointing: bool
    head_chunk_tokens: int
    frozen_parts: _containers.RepeatedScalarFieldContainer[ModelPart]
    seed: int
    checkpoint_every_steps: int
    gate: Gate
    def __init__(self, model_path: _Optional[str] = ..., rows_path: _Optional[str] = ..., blob_root: _Optional[str] = ..., output_path: _Optional[str] = ..., checkpoint_path: _Optional[str] = ..., vision_policy: _Optional[_Union[_dataset_pb2.VisionPolicy, _Mapping]] = ..., prompt_layout: _Optional[_Union[PromptLayout, str]] = ..., max_tokens: _Optional[int] = ..., steps: _Optional[int] = ..., examples_per_step: _Optional[int] = ..., examples_per_pass: _Optional[int] = ..., loss_normalisation: _Optional[_Union[LossNormalisation, str]] = ..., optimizer: _Optional[_Union[Optimizer, _Mapping]] = ..., schedule: _Optional[_Union[Schedule, _Mapping]] = ..., precision: _Optional[_Union[Precision, str]] = ..., gradient_checkpointing: _Optional[bool] = ..., head_chunk_tokens: _Optional[int] = ..., frozen_parts: _Optional[_Iterable[_Union[ModelPart, str]]] = ..., seed: _Optional[int] = ..., checkpoint_every_steps: _Optional[int] = ..., gate: _Optional[_Union[Gate, _Mapping]] = ...) -> None: ...

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
    __slots__ = ("output_path", "corpus_rows_path", "vocabulary_size", "text", "vision", "initializer_range", "seed", "vision_policy")
    OUTPUT_PATH_FIELD_NUMBER: _ClassVar[int]
    CORPUS_ROWS_PATH_FIELD_NUMBER: _ClassVar[int]
    VOCABULARY_SIZE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    VISION_FIELD_NUMBER: _ClassVar[int]
    INITIALIZER_RANGE_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    VISION_POLICY_FIELD_NUMBER: _ClassVar[int]
    output_path: str
    corpus_rows_path: str
    vocabulary_size: int
    text: TextArchitecture
    vision: VisionArchitecture
    initializer_range: float
    seed: int
    vision_policy: _dataset_pb2.VisionPolicy
    def __init__(self, output_path: _Optional[str] = ..., corpus_rows_path: _Optional[str] = ..., vocabulary_size: _Optional[int] = ..., text: _Optional[_Union[TextArchitecture, _Mapping]] = ..., vision: _Optional[_Union[VisionArchitecture, _Mapping]] = ..., initializer_range: _Optional[float] = ..., seed: _Optional[int] = ..., vision_policy: _Optional[_Union[_dataset_pb2.VisionPolicy, _Mapping]] = ...) -> None: ...

class ModelResult(_message.Message):
    __slots__ = ("parameters", "vocabulary_size", "weights_sha256")
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    VOCABULARY_SIZE_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_SHA256_FIELD_NUMBER: _ClassVar[int]
    parameters: int
    vocabulary_size: int
    weights_sha256: str
    def __init__(self, parameters: _Optional[int] = ..., vocabulary_size: _Optional[int] = ..., weights_sha256: _Optional[str] = ...) -> None: ...
