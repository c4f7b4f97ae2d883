"""The live view: lossy, optional, and of no influence on what is stored."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq
from agent_rig import Agent

from longform_worker.agent.limits import LIVE_QUEUE_FRAMES
from longform_worker.agent.live import ZeroMqLive

# pyzmq's own type has a parameter for each kind of socket, of which there is one here.
Socket = Any


@pytest.fixture
def subscriber() -> Iterator[Socket]:
    context = zmq.Context()
    socket = context.socket(zmq.SUB)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.RCVTIMEO, 5000)
    socket.setsockopt(zmq.SUBSCRIBE, b"live")
    yield socket
    socket.close()
    context.term()


def test_a_watcher_gets_live_frames_with_the_job(agent: Agent, subscriber: Socket) -> None:
    subscriber.connect(agent.handshake().live_endpoint)
    time.sleep(0.3)
    job_id = agent.start("live")
    topic, body = subscriber.recv_multipart()
    assert topic == b"live"
    assert json.loads(body) == {"type": "live", "text": "a preview", "job_id": job_id, "dropped": 0}
    steps = [json.loads(subscriber.recv_multipart()[1]) for _ in range(2)]
    assert [step["step"] for step in steps] == [1, 2]
    events = agent.events(job_id)
    assert [event.WhichOneof("what") for event in events] == ["phase", "step", "step", "done"]


def without_moments(events: list[Any]) -> list[bytes]:
    """What the events say, without clock, job and process."""
    for event in events:
        event.ClearField("time")
        event.ClearField("job_id")
        if event.HasField("phase"):
            event.phase.ClearField("pid")
    return [event.SerializeToString(deterministic=True) for event in events]


@pytest.mark.parametrize("how", ["turned off", "no library"])
def test_without_zeromq_the_events_are_the_same(agent: Agent, how: str) -> None:
    with_view = without_moments(agent.events(agent.start("live")))
    other = Agent()
    if how == "turned off":
        other.variables["LONGFORM_LIVE"] = "0"
    else:
        broken = other.folder / "zmq"
        broken.mkdir()
        (broken / "__init__.py").write_text("raise ImportError('libzmq is missing')\n")
        other.variables["PYTHONPATH"] = f"{other.folder}:{other.variables['PYTHONPATH']}"
    with other:
        assert other.handshake().live_endpoint == ""
        assert without_moments(other.events(other.start("live"))) == with_view
        assert "no live view" in other.log()


def test_a_watcher_that_reads_nothing_loses_frames_that_are_counted(tmp_path: Path, subscriber: Socket) -> None:
    live = ZeroMqLive(tmp_path)
    subscriber.setsockopt(zmq.RCVHWM, 10)
    subscriber.connect(live.endpoint)
    time.sleep(0.3)
    frame = {"type": "live", "text": "x" * 10_000}
    begun = time.monotonic()
    for _ in range(5 * LIVE_QUEUE_FRAMES):
        live.publish("job", frame)
    assert time.monotonic() - begun < 5
    received = 0
    subscriber.setsockopt(zmq.RCVTIMEO, 300)
    while subscriber.poll(300):
        subscriber.recv_multipart()
        received += 1
    live.publish("job", frame)
    last = json.loads(subscriber.recv_multipart()[1])
    live.close()
    assert last["dropped"] > 0
    assert last["dropped"] + received == 5 * LIVE_QUEUE_FRAMES
