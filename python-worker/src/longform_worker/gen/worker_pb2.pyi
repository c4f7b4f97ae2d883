from . import dataset_pb2 as _dataset_pb2
from . import event_pb2 as _event_pb2
from . import generation_pb2 as _generation_pb2
from . import training_pb2 as _training_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class HandshakeRequest(_message.Message):
    __slots__ = ("runner_version",)
    RUNNER_VERSION_FIELD_NUMBER: _ClassVar[int]
    runner_version: str
    def __init__(self, runner_version: _Optional[str] = ...) -> None: ...

class EnvironmentReport(_message.Message):
    __slots__ = ("name", "python", "versions")
    class VersionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    PYTHON_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    name: str
    python: str
    versions: _containers.ScalarMap[str, str]
    def __init__(self, name: _Optional[str] = ..., python: _Optional[str] = ..., versions: _Optional[_Mapping[str, str]] = ...) -> None: ...

class HandshakeReply(_message.Message):
    __slots__ = ("worker_version", "host", "pid", "epoch", "environments", "jobs", "live_endpoint")
    WORKER_VERSION_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENTS_FIELD_NUMBER: _ClassVar[int]
    JOBS_FIELD_NUMBER: _ClassVar[int]
    LIVE_ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    worker_version: str
    host: str
    pid: int
    epoch: int
    environments: _containers.RepeatedCompositeFieldContainer[EnvironmentReport]
    jobs: _containers.RepeatedScalarFieldContainer[str]
    live_endpoint: str
    def __init__(self, worker_version: _Optional[str] = ..., host: _Optional[str] = ..., pid: _Optional[int] = ..., epoch: _Optional[int] = ..., environments: _Optional[_Iterable[_Union[EnvironmentReport, _Mapping]]] = ..., jobs: _Optional[_Iterable[str]] = ..., live_endpoint: _Optional[str] = ...) -> None: ...

class StartJobRequest(_message.Message):
    __slots__ = ("job_id", "environment", "log_path", "threads", "preemption_grace_ms", "model", "training", "generation", "audit", "read", "fetch", "ranks")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENT_FIELD_NUMBER: _ClassVar[int]
    LOG_PATH_FIELD_NUMBER: _ClassVar[int]
    THREADS_FIELD_NUMBER: _ClassVar[int]
    PREEMPTION_GRACE_MS_FIELD_NUMBER: _ClassVar[int]
    IMPORT_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    TRAINING_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    AUDIT_FIELD_NUMBER: _ClassVar[int]
    READ_FIELD_NUMBER: _ClassVar[int]
    FETCH_FIELD_NUMBER: _ClassVar[int]
    RANKS_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    environment: str
    log_path: str
    threads: int
    preemption_grace_ms: int
    model: _training_pb2.ModelJob
    training: _training_pb2.TrainingJob
    generation: _generation_pb2.GenerationJob
    audit: _training_pb2.AuditJob
    read: _dataset_pb2.ReadJob
    fetch: _training_pb2.FetchJob
    ranks: Ranks
    def __init__(self, job_id: _Optional[str] = ..., environment: _Optional[str] = ..., log_path: _Optional[str] = ..., threads: _Optional[int] = ..., preemption_grace_ms: _Optional[int] = ..., model: _Optional[_Union[_training_pb2.ModelJob, _Mapping]] = ..., training: _Optional[_Union[_training_pb2.TrainingJob, _Mapping]] = ..., generation: _Optional[_Union[_generation_pb2.GenerationJob, _Mapping]] = ..., audit: _Optional[_Union[_training_pb2.AuditJob, _Mapping]] = ..., read: _Optional[_Union[_dataset_pb2.ReadJob, _Mapping]] = ..., fetch: _Optional[_Union[_training_pb2.FetchJob, _Mapping]] = ..., ranks: _Optional[_Union[Ranks, _Mapping]] = ..., **kwargs) -> None: ...

class Ranks(_message.Message):
    __slots__ = ("first_rank", "local_ranks", "world_size", "rendezvous")
    FIRST_RANK_FIELD_NUMBER: _ClassVar[int]
    LOCAL_RANKS_FIELD_NUMBER: _ClassVar[int]
    WORLD_SIZE_FIELD_NUMBER: _ClassVar[int]
    RENDEZVOUS_FIELD_NUMBER: _ClassVar[int]
    first_rank: int
    local_ranks: int
    world_size: int
    rendezvous: Rendezvous
    def __init__(self, first_rank: _Optional[int] = ..., local_ranks: _Optional[int] = ..., world_size: _Optional[int] = ..., rendezvous: _Optional[_Union[Rendezvous, _Mapping]] = ...) -> None: ...

class Rendezvous(_message.Message):
    __slots__ = ("address", "port")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    address: str
    port: int
    def __init__(self, address: _Optional[str] = ..., port: _Optional[int] = ...) -> None: ...

class OfferRendezvousRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class OfferRendezvousReply(_message.Message):
    __slots__ = ("rendezvous",)
    RENDEZVOUS_FIELD_NUMBER: _ClassVar[int]
    rendezvous: Rendezvous
    def __init__(self, rendezvous: _Optional[_Union[Rendezvous, _Mapping]] = ...) -> None: ...

class StartJobReply(_message.Message):
    __slots__ = ("started",)
    STARTED_FIELD_NUMBER: _ClassVar[int]
    started: bool
    def __init__(self, started: _Optional[bool] = ...) -> None: ...

class WatchJobRequest(_message.Message):
    __slots__ = ("job_id", "after_seq")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    AFTER_SEQ_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    after_seq: int
    def __init__(self, job_id: _Optional[str] = ..., after_seq: _Optional[int] = ...) -> None: ...

class CancelJobRequest(_message.Message):
    __slots__ = ("job_id", "grace_ms")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    GRACE_MS_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    grace_ms: int
    def __init__(self, job_id: _Optional[str] = ..., grace_ms: _Optional[int] = ...) -> None: ...

class CancelJobReply(_message.Message):
    __slots__ = ("was_running",)
    WAS_RUNNING_FIELD_NUMBER: _ClassVar[int]
    was_running: bool
    def __init__(self, was_running: _Optional[bool] = ...) -> None: ...

class ShutdownRequest(_message.Message):
    __slots__ = ("grace_ms",)
    GRACE_MS_FIELD_NUMBER: _ClassVar[int]
    grace_ms: int
    def __init__(self, grace_ms: _Optional[int] = ...) -> None: ...

class ShutdownReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
