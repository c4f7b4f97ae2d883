"""Between proto and plain dictionaries nothing is lost, guessed or ignored."""

from typing import Any

import pytest
from google.protobuf.message import Message

from longform_worker import jobs
from longform_worker.agent.codec import Hole, event_of, failure_message, fill, job_frame, plain, reply_of, request_frame
from longform_worker.failure import FAILURE_CODES, EngineFailure
from longform_worker.gen.dataset_pb2 import ImportJob, ReadJob
from longform_worker.gen.event_pb2 import JobEvent
from longform_worker.gen.failure_pb2 import FailureCode
from longform_worker.gen.generation_pb2 import GenerateRequest, GenerationJob
from longform_worker.gen.training_pb2 import AuditJob, FetchJob, ModelJob, TrainingJob
from longform_worker.gen.worker_pb2 import StartJobRequest
from longform_worker.records import read_record

RECORDS: list[tuple[str, type[Message], type[object]]] = [
    ("import", ImportJob, jobs.ImportJob),
    ("model", ModelJob, jobs.ModelJob),
    ("training", TrainingJob, jobs.TrainingJob),
    ("generation", GenerationJob, jobs.GenerationJob),
    ("audit", AuditJob, jobs.AuditJob),
    ("read", ReadJob, jobs.ReadJob),
    ("fetch", FetchJob, jobs.FetchJob),
]


def filled(message: Message) -> Message:
    """The message with every field set: numbers 3, texts "text", enums at their last value, lists of one or two."""
    for field in message.DESCRIPTOR.fields:
        if field.message_type is not None:
            part = getattr(message, field.name)
            filled(part.add() if field.is_repeated else part)
            continue
        value: Any = 3
        if field.enum_type is not None:
            value = field.enum_type.values[-1].number
        elif field.cpp_type == field.CPPTYPE_STRING:
            value = "text"
        elif field.cpp_type == field.CPPTYPE_BOOL:
            value = True
        if field.is_repeated:
            getattr(message, field.name).extend([value, value])
        else:
            setattr(message, field.name, value)
    return message


def start_of(kind: str, job: Message) -> StartJobRequest:
    request = StartJobRequest(job_id="job")
    getattr(request, kind).CopyFrom(job)
    return request


@pytest.mark.parametrize(("kind", "message", "record"), RECORDS)
def test_a_whole_job_becomes_the_engines_record_and_back(
    kind: str, message: type[Message], record: type[object]
) -> None:
    whole = filled(message())
    frame = job_frame(start_of(kind, whole))
    assert (frame["type"], frame["job_id"], frame["kind"]) == ("job", "job", kind)
    read_record(record, frame["job"], kind)
    again = message()
    fill(again, frame["job"])
    assert again == whole


def scalars_of(message: Message, path: str) -> list[tuple[str, Message, str]]:
    """Every field that must be present, with the message that holds it."""
    found: list[tuple[str, Message, str]] = []
    for field in message.DESCRIPTOR.fields:
        where = f"{path}.{field.name}"
        if field.is_repeated or field.full_name == "longform.v1.TrainingJob.gate":
            continue
        if field.message_type is not None and not message.HasField(field.name):
            # The other way of a oneof, where one is chosen.
            continue
        found.append((where, message, field.name))
        if field.message_type is not None:
            found += scalars_of(getattr(message, field.name), where)
    return found


@pytest.mark.parametrize(("kind", "message", "record"), RECORDS)
def test_every_field_of_a_job_is_missed(kind: str, message: type[Message], record: type[object]) -> None:
    paths = [path for path, _, _ in scalars_of(filled(message()), kind)]
    assert len(paths) > 3
    for index, path in enumerate(paths):
        whole = filled(message())
        _, holder, name = scalars_of(whole, kind)[index]
        holder.ClearField(name)
        with pytest.raises(EngineFailure) as caught:
            job_frame(start_of(kind, whole))
        # Of a oneof that lacks its member the oneof is named.
        named = path.replace("training.tuning.lora", "training.tuning.way") if name == "lora" else path
        assert (caught.value.code, caught.value.field_path) == ("spec_refused", named)


def test_a_training_without_a_gate_is_whole() -> None:
    job = filled(TrainingJob())
    job.ClearField("gate")
    frame = job_frame(start_of("training", job))
    assert "gate" not in frame["job"]
    assert read_record(jobs.TrainingJob, frame["job"], "training").gate is None


@pytest.mark.parametrize("number", [0, 99])
def test_an_enum_at_zero_or_unknown_is_refused(number: int) -> None:
    job = filled(TrainingJob())
    assert isinstance(job, TrainingJob)
    job.schedule.kind = number  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(EngineFailure, match=r"training\.schedule\.kind") as caught:
        job_frame(start_of("training", job))
    assert "SCHEDULE_KIND_COSINE" in caught.value.facts["expected"]


def test_an_enum_at_zero_inside_a_list_is_refused() -> None:
    job = filled(TrainingJob())
    assert isinstance(job, TrainingJob)
    job.tuning.lora.targets.append(0)  # pyright: ignore[reportArgumentType]
    with pytest.raises(EngineFailure, match=r"training\.tuning\.lora\.targets\.2"):
        job_frame(start_of("training", job))


STEP = {
    "type": "step", "step": 1, "steps": 2, "loss": 0.5, "gradient_norm": 1, "learning_rate": 1e-3, "target_tokens": 5,
    "tokens": 9, "data_seconds": 0.1, "forward_seconds": 0.1, "backward_seconds": 0.1, "update_seconds": 0.1,
    "peak_memory_bytes": 2**40, "peak_device_memory_bytes": 0, "passes": 2, "ranks": 4,
}  # fmt: skip


def test_an_engines_frame_becomes_the_event_it_names() -> None:
    event = event_of(STEP)
    assert event.WhichOneof("what") == "step"
    assert plain(event.step) == {name: value for name, value in STEP.items() if name != "type"}


@pytest.mark.parametrize(
    ("frame", "path"),
    [
        ({**STEP, "speed": 1}, "step.speed"),
        ({name: value for name, value in STEP.items() if name != "loss"}, "step.loss"),
        ({**STEP, "step": -1}, "step.step"),
        ({**STEP, "step": 2**32}, "step.step"),
        ({**STEP, "step": True}, "step.step"),
        ({**STEP, "step": 1.0}, "step.step"),
        ({**STEP, "loss": "0.5"}, "step.loss"),
        ({"type": "news"}, "type"),
        ({"type": "log", "stream": "stdout", "text": "x"}, "type"),
        ({"type": "phase", "phase": "PHASE_UNSPECIFIED", "pid": 1}, "phase.phase"),
        ({"type": "phase", "phase": "running", "pid": 1}, "phase.phase"),
        ({"type": "done"}, "done.result"),
        ({"type": "done", "imported": {"rows": 1, "images": 1}}, "done.imported.new_images"),
        ({"type": "done", "imported": 3}, "done.imported"),
        ({"type": "failed", "code": "FAILURE_CODE_INTERNAL", "facts": {"row": 3}}, "failed.facts.row"),
    ],
)
def test_a_frame_that_the_proto_does_not_have_is_a_hole_with_its_path(frame: dict[str, Any], path: str) -> None:
    with pytest.raises(Hole) as caught:
        event_of(frame)
    assert caught.value.path == path


def test_a_training_result_without_a_gate_value_is_whole() -> None:
    trained = {"steps": 1, "target_tokens": 2, "final_loss": 0.1, "weights_sha256": "ab"}
    event = event_of({"type": "done", "trained": trained})
    assert not event.done.trained.HasField("gate_value")


def test_a_finished_reply_is_whole_without_a_failure() -> None:
    finished = {
        "finish": "FINISH_REASON_LENGTH", "text": "世", "prompt_tokens": 1, "output_tokens": 2, "prompt_sha256": "ab",
    }  # fmt: skip
    reply = reply_of({"type": "reply", "request_id": "r", "finished": finished})
    assert reply.finished.text == "世"
    with pytest.raises(Hole, match=r"reply\.what"):
        reply_of({"type": "reply", "request_id": "r"})


def test_a_request_frame_always_says_whether_it_cancels() -> None:
    request = filled(GenerateRequest())
    assert isinstance(request, GenerateRequest)
    assert request_frame(request) == {"type": "request", "job_id": "text", "request_id": "text", "cancel": True}
    request.ClearField("cancel")
    frame = request_frame(request)
    assert frame["cancel"] is False
    assert frame["sampling"]["seed"] == 3
    request.ClearField("prompt")
    with pytest.raises(Hole, match="prompt"):
        request_frame(request)


def test_the_failure_codes_of_both_sides_are_the_same() -> None:
    names = [name.removeprefix("FAILURE_CODE_").lower() for name, number in FailureCode.items() if number != 0]
    assert list(FAILURE_CODES) == names
    for code in FAILURE_CODES:
        message = failure_message(EngineFailure(code, "x", field_path="a.b", row=3))
        assert FailureCode.Name(message.code) == f"FAILURE_CODE_{code.upper()}"
        assert dict(message.facts) == {"row": "3"}


def test_every_event_an_engine_may_send_has_a_frame() -> None:
    names = {field.name for field in JobEvent.DESCRIPTOR.oneofs_by_name["what"].fields} - {"log", "done", "failed"}
    assert len(names) == 7
    for name in names:
        whole = JobEvent()
        filled(getattr(whole, name))
        assert event_of({"type": name, **plain(getattr(whole, name))}) == whole
