import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from . import dataset_pb2 as _dataset_pb2
from . import failure_pb2 as _failure_pb2
from . import training_pb2 as _training_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Phase(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PHASE_UNSPECIFIED: _ClassVar[Phase]
    PHASE_STARTING: _ClassVar[Phase]
    PHASE_LOADING: _ClassVar[Phase]
    PHASE_PLANNING: _ClassVar[Phase]
    PHASE_RUNNING: _ClassVar[Phase]
    PHASE_SAVING: _ClassVar[Phase]
PHASE_UNSPECIFIED: Phase
PHASE_STARTING: Phase
PHASE_LOADING: Phase
PHASE_PLANNING: Phase
PHASE_RUNNING: Phase
PHASE_SAVING: Phase

class PhaseEntered(_message.Message):
    __slots__ = ("phase", "pid")
    PHASE_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    phase: Phase
    pid: int
    def __init__(self, phase: _Optional[_Union[Phase, str]] = ..., pid: _Optional[int] = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ("done", "total", "unit")
    DONE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    done: int
    total: int
    unit: str
    def __init__(self, done: _Optional[int] = ..., total: _Optional[int] = ..., unit: _Optional[str] = ...) -> None: ...

class TrainingStep(_message.Message):
    __slots__ = ("step", "steps", "loss", "gradient_norm", "learning_rate", "target_tokens", "tokens", "data_seconds", "forward_seconds", "backward_seconds", "update_seconds", "peak_memory_bytes", "peak_device_memory_bytes", "passes", "ranks")
    STEP_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    LOSS_FIELD_NUMBER: _ClassVar[int]
    GRADIENT_NORM_FIELD_NUMBER: _ClassVar[int]
    LEARNING_RATE_FIELD_NUMBER: _ClassVar[int]
    TARGET_TOKENS_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    DATA_SECONDS_FIELD_NUMBER: _ClassVar[int]
    FORWARD_SECONDS_FIELD_NUMBER: _ClassVar[int]
    BACKWARD_SECONDS_FIELD_NUMBER: _ClassVar[int]
    UPDATE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    PEAK_MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    PEAK_DEVICE_MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    PASSES_FIELD_NUMBER: _ClassVar[int]
    RANKS_FIELD_NUMBER: _ClassVar[int]
    step: int
    steps: int
    loss: float
    gradient_norm: float
    learning_rate: float
    target_tokens: int
    tokens: int
    data_seconds: float
    forward_seconds: float
    backward_seconds: float
    update_seconds: float
    peak_memory_bytes: int
    peak_device_memory_bytes: int
    passes: int
    ranks: int
    def __init__(self, step: _Optional[int] = ..., steps: _Optional[int] = ..., loss: _Optional[float] = ..., gradient_norm: _Optional[float] = ..., learning_rate: _Optional[float] = ..., target_tokens: _Optional[int] = ..., tokens: _Optional[int] = ..., data_seconds: _Optional[float] = ..., forward_seconds: _Optional[float] = ..., backward_seconds: _Optional[float] = ..., update_seconds: _Optional[float] = ..., peak_memory_bytes: _Optional[int] = ..., peak_device_memory_bytes: _Optional[int] = ..., passes: _Optional[int] = ..., ranks: _Optional[int] = ...) -> None: ...

class GateMeasured(_message.Message):
    __slots__ = ("step", "value", "at_least", "passed")
    STEP_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    AT_LEAST_FIELD_NUMBER: _ClassVar[int]
    PASSED_FIELD_NUMBER: _ClassVar[int]
    step: int
    value: float
    at_least: float
    passed: bool
    def __init__(self, step: _Optional[int] = ..., value: _Optional[float] = ..., at_least: _Optional[float] = ..., passed: _Optional[bool] = ...) -> None: ...

class CheckpointWritten(_message.Message):
    __slots__ = ("step", "path")
    STEP_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    step: int
    path: str
    def __init__(self, step: _Optional[int] = ..., path: _Optional[str] = ...) -> None: ...

class RowsPlanned(_message.Message):
    __slots__ = ("rows", "tokens", "image_tokens", "target_tokens", "longest_row_tokens")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    IMAGE_TOKENS_FIELD_NUMBER: _ClassVar[int]
    TARGET_TOKENS_FIELD_NUMBER: _ClassVar[int]
    LONGEST_ROW_TOKENS_FIELD_NUMBER: _ClassVar[int]
    rows: int
    tokens: int
    image_tokens: int
    target_tokens: int
    longest_row_tokens: int
    def __init__(self, rows: _Optional[int] = ..., tokens: _Optional[int] = ..., image_tokens: _Optional[int] = ..., target_tokens: _Optional[int] = ..., longest_row_tokens: _Optional[int] = ...) -> None: ...

class EngineReady(_message.Message):
    __slots__ = ("load_seconds",)
    LOAD_SECONDS_FIELD_NUMBER: _ClassVar[int]
    load_seconds: float
    def __init__(self, load_seconds: _Optional[float] = ...) -> None: ...

class LogLine(_message.Message):
    __slots__ = ("stream", "text")
    STREAM_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    stream: str
    text: str
    def __init__(self, stream: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class JobDone(_message.Message):
    __slots__ = ("imported", "trained", "made", "generated", "audited", "read", "fetched")
    IMPORTED_FIELD_NUMBER: _ClassVar[int]
    TRAINED_FIELD_NUMBER: _ClassVar[int]
    MADE_FIELD_NUMBER: _ClassVar[int]
    GENERATED_FIELD_NUMBER: _ClassVar[int]
    AUDITED_FIELD_NUMBER: _ClassVar[int]
    READ_FIELD_NUMBER: _ClassVar[int]
    FETCHED_FIELD_NUMBER: _ClassVar[int]
    imported: _dataset_pb2.ImportResult
    trained: _training_pb2.TrainingResult
    made: _training_pb2.ModelResult
    generated: GenerationDone
    audited: _training_pb2.AuditResult
    read: _dataset_pb2.ReadResult
    fetched: _training_pb2.FetchResult
    def __init__(self, imported: _Optional[_Union[_dataset_pb2.ImportResult, _Mapping]] = ..., trained: _Optional[_Union[_training_pb2.TrainingResult, _Mapping]] = ..., made: _Optional[_Union[_training_pb2.ModelResult, _Mapping]] = ..., generated: _Optional[_Union[GenerationDone, _Mapping]] = ..., audited: _Optional[_Union[_training_pb2.AuditResult, _Mapping]] = ..., read: _Optional[_Union[_dataset_pb2.ReadResult, _Mapping]] = ..., fetched: _Optional[_Union[_training_pb2.FetchResult, _Mapping]] = ...) -> None: ...

class GenerationDone(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: int
    def __init__(self, requests: _Optional[int] = ...) -> None: ...

class JobEvent(_message.Message):
    __slots__ = ("job_id", "seq", "epoch", "time", "phase", "progress", "rows_planned", "step", "gate", "checkpoint", "ready", "log", "done", "failed")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    ROWS_PLANNED_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    GATE_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    READY_FIELD_NUMBER: _ClassVar[int]
    LOG_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    seq: int
    epoch: int
    time: _timestamp_pb2.Timestamp
    phase: PhaseEntered
    progress: Progress
    rows_planned: RowsPlanned
    step: TrainingStep
    gate: GateMeasured
    checkpoint: CheckpointWritten
    ready: EngineReady
    log: LogLine
    done: JobDone
    failed: _failure_pb2.Failure
    def __init__(self, job_id: _Optional[str] = ..., seq: _Optional[int] = ..., epoch: _Optional[int] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., phase: _Optional[_Union[PhaseEntered, _Mapping]] = ..., progress: _Optional[_Union[Progress, _Mapping]] = ..., rows_planned: _Optional[_Union[RowsPlanned, _Mapping]] = ..., step: _Optional[_Union[TrainingStep, _Mapping]] = ..., gate: _Optional[_Union[GateMeasured, _Mapping]] = ..., checkpoint: _Optional[_Union[CheckpointWritten, _Mapping]] = ..., ready: _Optional[_Union[EngineReady, _Mapping]] = ..., log: _Optional[_Union[LogLine, _Mapping]] = ..., done: _Optional[_Union[JobDone, _Mapping]] = ..., failed: _Optional[_Union[_failure_pb2.Failure, _Mapping]] = ...) -> None: ...
