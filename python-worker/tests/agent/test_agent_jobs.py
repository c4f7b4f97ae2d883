"""Jobs and their events: numbered, replayed, ended once."""

import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from agent_rig import Agent, wait_until

from longform_worker.gen.event_pb2 import JobEvent
from longform_worker.gen.failure_pb2 import FailureCode
from longform_worker.gen.worker_pb2 import HandshakeRequest, StartJobRequest


def code(event: JobEvent) -> str:
    """The failure's code by name."""
    return FailureCode.Name(event.failed.code).removeprefix("FAILURE_CODE_").lower()


def test_events_are_numbered_from_one_and_end_with_the_result(agent: Agent) -> None:
    job_id = agent.start("done:3")
    events = agent.events(job_id)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [event.WhichOneof("what") for event in events] == ["phase", "progress", "progress", "progress", "done"]
    assert {(event.job_id, event.epoch) for event in events} == {(job_id, agent.epoch)}
    assert events[-1].done.imported.rows == 3
    moments = [event.time.ToNanoseconds() for event in events]
    assert moments == sorted(moments)


def test_a_replay_after_any_number_gives_exactly_the_rest(agent: Agent) -> None:
    job_id = agent.start("done:20")
    events = agent.events(job_id)
    for after in range(len(events) + 1):
        assert agent.events(job_id, after) == events[after:]


def test_two_watchers_see_the_same_events_and_one_of_them_may_come_late(agent: Agent) -> None:
    job_id = agent.start("lines_then_wait:50")
    seen: list[list[JobEvent]] = [[], []]

    def follow(number: int, after: int) -> None:
        seen[number].extend(agent.watch(job_id, after))

    first = threading.Thread(target=follow, args=(0, 0))
    first.start()
    wait_until(lambda: len(seen[0]) > 30, "30 events at the first watcher")
    second = threading.Thread(target=follow, args=(1, 10))
    second.start()
    wait_until(lambda: len(seen[1]) > 10, "events at the second watcher")
    agent.cancel(job_id)
    first.join(10)
    second.join(10)
    assert seen[0][-1].HasField("failed")
    assert seen[0][10:] == seen[1]


def test_a_watcher_that_leaves_takes_nothing_with_it(agent: Agent) -> None:
    job_id = agent.start("stop")
    for _ in range(3):
        agent.wait_for(job_id, "phase")
    agent.cancel(job_id)
    assert code(agent.events(job_id)[-1]) == "user_cancel"


def test_a_job_that_is_started_again_runs_once(agent: Agent) -> None:
    request = agent.request("stop", job_id="twice")
    assert agent.call("StartJob", request).started
    assert not agent.call("StartJob", request).started
    agent.wait_for("twice", "phase")
    agent.cancel("twice")
    events = agent.events("twice")
    assert not agent.call("StartJob", request).started
    assert agent.events("twice") == events
    pids = {event.phase.pid for event in events if event.HasField("phase")}
    assert len(pids) == 1


@pytest.mark.parametrize(("job_id", "after", "status"), [("unknown", 0, "NOT_FOUND"), ("known", 99, "OUT_OF_RANGE")])
def test_events_that_cannot_be_are_refused(agent: Agent, job_id: str, after: int, status: str) -> None:
    agent.call("StartJob", agent.request("done", job_id="known"))
    agent.events("known")
    with pytest.raises(grpc.RpcError) as caught:
        agent.events(job_id, after)
    assert caught.value.code().name == status


def without_policy(request: StartJobRequest) -> None:
    getattr(request, "import").ClearField("vision_policy")


def without_bound(request: StartJobRequest) -> None:
    getattr(request, "import").vision_policy.ClearField("max_images")


def with_enum_at_zero(request: StartJobRequest) -> None:
    getattr(request, "import").vision_policy.resize = 0  # pyright: ignore[reportAttributeAccessIssue]


def without_job(request: StartJobRequest) -> None:
    request.ClearField("import")


def without_threads(request: StartJobRequest) -> None:
    request.ClearField("threads")


def with_relative_log(request: StartJobRequest) -> None:
    request.log_path = "logs"


@pytest.mark.parametrize(
    ("damage", "field_path"),
    [
        (without_policy, "import.vision_policy"),
        (without_bound, "import.vision_policy.max_images"),
        (with_enum_at_zero, "import.vision_policy.resize"),
        (without_job, "job"),
        (without_threads, "threads"),
        (with_relative_log, "log_path"),
    ],
)
def test_a_job_with_a_hole_starts_no_engine_and_names_the_field(
    agent: Agent, damage: Callable[[StartJobRequest], None], field_path: str
) -> None:
    request = agent.request("done", job_id=f"damaged-{field_path}")
    damage(request)
    agent.call("StartJob", request)
    (event,) = agent.events(request.job_id)
    assert code(event) == "spec_refused"
    assert event.failed.field_path == field_path
    assert event.failed.facts["expected"]


def test_a_job_without_a_name_is_refused(agent: Agent) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        agent.call("StartJob", StartJobRequest())
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("behaviour", "named"), [("unknown_field", "speed"), ("hole", "progress.unit"), ("wrong_result", "generated")]
)
def test_an_engine_that_sends_what_the_proto_does_not_have_fails_the_job(
    agent: Agent, behaviour: str, named: str
) -> None:
    last = agent.outcome(behaviour)
    assert code(last) == "internal"
    assert named in last.failed.detail


def test_an_engine_gets_its_surroundings_and_nothing_that_is_the_agents(agent: Agent) -> None:
    expected = [
        "OMP_NUM_THREADS=1",
        "RANK=None",
        "WORLD_SIZE=None",
        "MASTER_ADDR=None",
        "HF_HUB_OFFLINE=1",
        "PYTHONUNBUFFERED=1",
        "LONGFORM_TOKEN_FILE=None",
        "LONGFORM_ENGINE_FD=None",
    ]
    names = ",".join(line.partition("=")[0] for line in expected)
    job_id = agent.start(f"variables:{names}")
    agent.events(job_id)
    assert agent.engine_log(job_id).decode().split() == expected


def test_the_handshake_tells_versions_and_which_interpreter_does_not_start(agent: Agent) -> None:
    reply = agent.handshake()
    found = {report.name: report for report in reply.environments}
    assert reply.pid == agent.process.pid
    assert list(reply.jobs) == ["import", "model", "training", "generation", "audit", "read", "fetch"]
    assert found["real"].python == sys.executable
    assert found["real"].versions["python"] == ".".join(map(str, sys.version_info[:3]))
    assert "numpy" in found["real"].versions
    assert not found["gone"].versions


def test_a_caller_that_gives_up_does_not_spoil_the_handshake_of_the_next() -> None:
    slow = Agent()
    slow.variables["LONGFORM_ENVIRONMENTS"] = json.dumps(
        {"slow": slow.script(f'echo "a banner"; sleep 1.5; exec {sys.executable} "$@"')}
    )
    with slow as agent:
        with pytest.raises(grpc.RpcError) as caught:
            agent.stub.Handshake(HandshakeRequest(), metadata=agent.metadata(), timeout=0.2)
        assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        (report,) = agent.handshake().environments
        assert report.versions["python"]


def test_an_interpreter_that_never_answers_does_not_hold_up_the_end() -> None:
    hanging = Agent()
    hanging.variables["LONGFORM_ENVIRONMENTS"] = json.dumps({"hanging": hanging.script("exec sleep 100")})
    with hanging as agent:
        agent.process.terminate()
        agent.process.wait(5)


def test_the_real_entry_point_ends_a_job_with_a_typed_failure(agent: Agent, tmp_path: Path) -> None:
    last = agent.outcome(str(tmp_path / "no-rows.jsonl"), environment="real")
    assert code(last) == "data_refused"
    assert "no-rows.jsonl" in str(last.failed)
