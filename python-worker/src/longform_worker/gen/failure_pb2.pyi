from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FailureCode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FAILURE_CODE_UNSPECIFIED: _ClassVar[FailureCode]
    FAILURE_CODE_USER_CANCEL: _ClassVar[FailureCode]
    FAILURE_CODE_SPEC_REFUSED: _ClassVar[FailureCode]
    FAILURE_CODE_DATA_REFUSED: _ClassVar[FailureCode]
    FAILURE_CODE_MODEL_REFUSED: _ClassVar[FailureCode]
    FAILURE_CODE_ENVIRONMENT_MISSING: _ClassVar[FailureCode]
    FAILURE_CODE_DISK_FULL: _ClassVar[FailureCode]
    FAILURE_CODE_ADDRESS_IN_USE: _ClassVar[FailureCode]
    FAILURE_CODE_LAUNCH_FAILED: _ClassVar[FailureCode]
    FAILURE_CODE_LOSS_DIVERGED: _ClassVar[FailureCode]
    FAILURE_CODE_GATE_MISSED: _ClassVar[FailureCode]
    FAILURE_CODE_OOM_KILLED: _ClassVar[FailureCode]
    FAILURE_CODE_DEVICE_OOM: _ClassVar[FailureCode]
    FAILURE_CODE_SIGNAL: _ClassVar[FailureCode]
    FAILURE_CODE_EXIT_CODE: _ClassVar[FailureCode]
    FAILURE_CODE_NODE_LOST: _ClassVar[FailureCode]
    FAILURE_CODE_STALLED: _ClassVar[FailureCode]
    FAILURE_CODE_JUDGE_UNREACHABLE: _ClassVar[FailureCode]
    FAILURE_CODE_USER_CODE: _ClassVar[FailureCode]
    FAILURE_CODE_RUN_BUSY: _ClassVar[FailureCode]
    FAILURE_CODE_STORE_CORRUPT: _ClassVar[FailureCode]
    FAILURE_CODE_INTERNAL: _ClassVar[FailureCode]
    FAILURE_CODE_PREEMPTED: _ClassVar[FailureCode]
FAILURE_CODE_UNSPECIFIED: FailureCode
FAILURE_CODE_USER_CANCEL: FailureCode
FAILURE_CODE_SPEC_REFUSED: FailureCode
FAILURE_CODE_DATA_REFUSED: FailureCode
FAILURE_CODE_MODEL_REFUSED: FailureCode
FAILURE_CODE_ENVIRONMENT_MISSING: FailureCode
FAILURE_CODE_DISK_FULL: FailureCode
FAILURE_CODE_ADDRESS_IN_USE: FailureCode
FAILURE_CODE_LAUNCH_FAILED: FailureCode
FAILURE_CODE_LOSS_DIVERGED: FailureCode
FAILURE_CODE_GATE_MISSED: FailureCode
FAILURE_CODE_OOM_KILLED: FailureCode
FAILURE_CODE_DEVICE_OOM: FailureCode
FAILURE_CODE_SIGNAL: FailureCode
FAILURE_CODE_EXIT_CODE: FailureCode
FAILURE_CODE_NODE_LOST: FailureCode
FAILURE_CODE_STALLED: FailureCode
FAILURE_CODE_JUDGE_UNREACHABLE: FailureCode
FAILURE_CODE_USER_CODE: FailureCode
FAILURE_CODE_RUN_BUSY: FailureCode
FAILURE_CODE_STORE_CORRUPT: FailureCode
FAILURE_CODE_INTERNAL: FailureCode
FAILURE_CODE_PREEMPTED: FailureCode

class Failure(_message.Message):
    __slots__ = ("code", "detail", "field_path", "facts")
    class FactsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CODE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    FIELD_PATH_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    code: FailureCode
    detail: str
    field_path: str
    facts: _containers.ScalarMap[str, str]
    def __init__(self, code: _Optional[_Union[FailureCode, str]] = ..., detail: _Optional[str] = ..., field_path: _Optional[str] = ..., facts: _Optional[_Mapping[str, str]] = ...) -> None: ...
