"""Proto messages to plain dictionaries and back, with nothing left out and nothing left over.

Both directions follow the descriptors, so a new field of the proto needs no line here. A message is whole when
every field with presence is set (but those listed in ``MAY_BE_ABSENT``), every oneof has a member, and no enum is
at zero.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

from longform_worker.failure import EngineFailure
from longform_worker.gen.event_pb2 import JobEvent
from longform_worker.gen.failure_pb2 import Failure
from longform_worker.gen.generation_pb2 import GenerateReply, GenerateRequest
from longform_worker.gen.worker_pb2 import StartJobRequest
from longform_worker.wire import Frame

# Fields that mean something by being absent; what, says their comment in the proto.
MAY_BE_ABSENT = frozenset(
    {
        "longform.v1.StartJobRequest.ranks",
        "longform.v1.TrainingJob.gate",
        "longform.v1.TrainingResult.gate_value",
        "longform.v1.GenerateRequest.cancel",
        "longform.v1.GenerateFinished.failure",
        "longform.v1.Failure.detail",
        "longform.v1.Failure.field_path",
    }
)

# A value of protobuf or of JSON: looked at before it is used.
Value = Any

WHOLE_NUMBERS = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}


class Hole(Exception):
    """A message is not whole. ``path`` is the dotted path of the field, ``expected`` what should be there."""

    def __init__(self, path: str, found: str, expected: str) -> None:
        super().__init__(f"{path}: found {found}, expected {expected}")
        self.path = path
        self.found = found
        self.expected = expected


def plain(message: Message, path: str = "") -> dict[str, Value]:
    """The message as a dictionary: enums by name, absent fields absent. Raises Hole."""
    require_oneofs(message, path)
    values: dict[str, Value] = {}
    for field in fields_of(message):
        where = joined(path, field.name)
        if field.has_presence and not message.HasField(field.name):
            if not may_be_absent(field):
                raise Hole(where, "nothing", described(field))
            continue
        value = getattr(message, field.name)
        if is_map(field):
            values[field.name] = {key: value[key] for key in sorted(value)}
        elif field.is_repeated:
            values[field.name] = [plain_value(field, item, f"{where}.{index}") for index, item in enumerate(value)]
        else:
            values[field.name] = plain_value(field, value, where)
    return values


def plain_value(field: FieldDescriptor, value: Value, path: str) -> Value:
    """One value of a field as ``plain`` has it."""
    if field.message_type is not None:
        return plain(value, path)
    enum = field.enum_type
    if enum is not None:
        known = enum.values_by_number.get(value)
        if known is None or value == 0:
            raise Hole(path, str(value), described(field))
        return known.name
    return value


def fill(message: Message, values: Mapping[str, Value], path: str = "") -> None:
    """Sets the fields of an empty message from a dictionary and checks that it is whole. Raises Hole."""
    fields = {field.name: field for field in fields_of(message)}
    for name, value in values.items():
        where = joined(path, name)
        field = fields.get(name)
        if field is None:
            raise Hole(where, "a field that the proto does not have", f"one of {', '.join(fields)}")
        if is_map(field):
            target = getattr(message, name)
            for key, item in expect(dict, value, where, field).items():
                target[expect(str, key, where, field)] = expect(str, item, f"{where}.{key}", field)
        elif field.is_repeated:
            target = getattr(message, name)
            for index, item in enumerate(expect(list, value, where, field)):
                if field.message_type is not None:
                    fill(target.add(), expect(dict, item, f"{where}.{index}", field), f"{where}.{index}")
                else:
                    target.append(filled_value(field, item, f"{where}.{index}"))
        elif field.message_type is not None:
            child = getattr(message, name)
            child.SetInParent()
            fill(child, expect(dict, value, where, field), where)
        else:
            setattr(message, name, filled_value(field, value, where))
    plain(message, path)


def filled_value(field: FieldDescriptor, value: Value, path: str) -> Value:
    """One scalar as protobuf wants it, of exactly the right type."""
    enum = field.enum_type
    if enum is not None:
        known = enum.values_by_name.get(expect(str, value, path, field))
        if known is None:
            raise Hole(path, repr(value), described(field))
        return known.number
    bounds = WHOLE_NUMBERS.get(field.cpp_type)
    if bounds is not None:
        whole = expect(int, value, path, field)
        if isinstance(value, bool) or not bounds[0] <= whole <= bounds[1]:
            raise Hole(path, repr(value), described(field))
        return whole
    if field.cpp_type in (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Hole(path, repr(value), described(field))
        return float(value)
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return expect(bool, value, path, field)
    return expect(str, value, path, field)


def job_frame(request: StartJobRequest) -> Frame:
    """The first frame to an engine. Raises EngineFailure (spec_refused) naming the field."""
    kind = request.WhichOneof("job")
    if kind is None:
        raise refused(Hole("job", "nothing", f"one of {', '.join(job_kinds())}"))
    try:
        job = plain(getattr(request, kind), kind)
    except Hole as hole:
        raise refused(hole) from hole
    return {"type": "job", "job_id": request.job_id, "kind": kind, "job": job}


def request_frame(request: GenerateRequest) -> Frame:
    """A request as the engine gets it; ``cancel`` is always there, and with it the rest may be missing. Raises Hole."""
    ids = {"job_id": request.job_id, "request_id": request.request_id}
    for name, value in ids.items():
        if not value:
            raise Hole(name, "nothing", "text")
    if request.cancel:
        return {"type": "request", **ids, "cancel": True}
    return {"type": "request", "cancel": False, **plain(request)}


def event_of(frame: Frame) -> JobEvent:
    """The event that an engine's frame tells, without id, number, epoch and time. Raises Hole."""
    event = JobEvent()
    kind = frame["type"]
    if kind not in {field.name for field in JobEvent.DESCRIPTOR.oneofs_by_name["what"].fields} - {"log"}:
        raise Hole("type", repr(kind), "a field of JobEvent.what")
    part = getattr(event, kind)
    part.SetInParent()
    fill(part, {name: value for name, value in frame.items() if name != "type"}, kind)
    return event


def reply_of(frame: Frame) -> GenerateReply:
    """The reply in an engine's frame. Raises Hole."""
    reply = GenerateReply()
    fill(reply, {name: value for name, value in frame.items() if name != "type"}, "reply")
    return reply


def failure_message(failure: EngineFailure) -> Failure:
    """The proto message of a failure."""
    message = Failure()
    fill(message, failure.fields(), "failed")
    return message


def refused(hole: Hole) -> EngineFailure:
    """A hole in a job, as the failure of that job."""
    return EngineFailure("spec_refused", str(hole), field_path=hole.path, found=hole.found, expected=hole.expected)


def job_kinds() -> list[str]:
    """The kinds of jobs: names of the oneof's fields in StartJobRequest."""
    return [field.name for field in StartJobRequest.DESCRIPTOR.oneofs_by_name["job"].fields]


def require_oneofs(message: Message, path: str) -> None:
    """Raises Hole when a declared oneof has no member (the ones behind ``optional`` are not declared)."""
    for oneof in message.DESCRIPTOR.oneofs:
        declared = not (len(oneof.fields) == 1 and oneof.name == f"_{oneof.fields[0].name}")
        if declared and message.WhichOneof(oneof.name) is None:
            names = ", ".join(field.name for field in oneof.fields)
            raise Hole(joined(path, oneof.name), "nothing", f"one of {names}")


def may_be_absent(field: FieldDescriptor) -> bool:
    """Whether an absent field is whole: listed, or a member of a declared oneof."""
    oneof = field.containing_oneof
    in_oneof = oneof is not None and oneof.name != f"_{field.name}"
    return in_oneof or field.full_name in MAY_BE_ABSENT


def is_map(field: FieldDescriptor) -> bool:
    """Whether a field is a map (all maps of the proto are text to text)."""
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def described(field: FieldDescriptor) -> str:
    """What belongs into a field, in words."""
    enum: EnumDescriptor | None = field.enum_type
    if enum is not None:
        return "one of " + ", ".join(value.name for value in enum.values if value.number != 0)
    if is_map(field):
        return "an object of texts"
    kind = {FieldDescriptor.CPPTYPE_BOOL: "true or false", FieldDescriptor.CPPTYPE_STRING: "text"}.get(field.cpp_type)
    if field.message_type is not None:
        kind = f"an object ({field.message_type.name})"
    if field.cpp_type in WHOLE_NUMBERS:
        kind = "a whole number from {} to {}".format(*WHOLE_NUMBERS[field.cpp_type])
    one = kind or "a number"
    return f"a list, each {one}" if field.is_repeated else one


def expect(kind: type[Value], value: Value, path: str, field: FieldDescriptor) -> Value:
    """The value, when it is of that type. Raises Hole."""
    if not isinstance(value, kind):
        raise Hole(path, repr(value)[:80], described(field))
    return value


def fields_of(message: Message) -> Sequence[FieldDescriptor]:
    """The fields of a message's type. The stubs know two classes of one name, and only one of them whole."""
    return cast("Sequence[FieldDescriptor]", message.DESCRIPTOR.fields)


def joined(path: str, name: str) -> str:
    """A dotted path."""
    return f"{path}.{name}" if path else name
