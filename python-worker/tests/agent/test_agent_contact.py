"""An agent that nobody needs any more ends itself and its engines; one that is needed stays and answers."""

import os
import subprocess
import sys
import time

from agent_rig import SOURCE, Agent

from longform_worker.agent.admission import Contact
from longform_worker.agent.process import RUN_COOKIE_VARIABLE, marked
from longform_worker.gen.event_pb2 import JobEvent


def test_a_lone_agent_ends_its_engines_and_itself() -> None:
    with Agent(orphan_grace_ms=1000) as agent:
        agent.wait_for(agent.start("grandchild"), "progress")
        agent.runner.close()
        agent.channel.close()
        agent.process.wait(15)
        assert marked(RUN_COOKIE_VARIABLE, agent.cookie) == []
        assert "no runner called for 1 s" in agent.log()


def test_an_open_stream_keeps_an_agent_whose_runner_takes_no_registrations() -> None:
    with Agent(orphan_grace_ms=600) as agent:
        job_id = agent.start("stop")
        watching = agent.watch(job_id)
        next(watching)
        agent.runner.close()
        time.sleep(2)
        assert agent.process.poll() is None
        assert agent.handshake().pid == agent.process.pid


def test_an_idle_agent_registers_again_and_so_stays() -> None:
    with Agent(orphan_grace_ms=900) as agent:
        for _ in range(4):
            request, _metadata = agent.runner.registrations.get(timeout=5)
            assert request.agent_id == "agent-0"
        assert agent.process.poll() is None


def test_the_agent_answers_while_an_engine_holds_its_interpreter(agent: Agent) -> None:
    agent.handshake()
    job_id = agent.start(f"hold_interpreter:{10**9}")
    for event in agent.watch(job_id):
        if event.phase.phase == 4:
            break
    slowest = 0.0
    for _ in range(50):
        begun = time.monotonic()
        assert agent.handshake().pid == agent.process.pid
        slowest = max(slowest, time.monotonic() - begun)
    assert slowest < 1
    assert not any(event.HasField("done") for event in the_first_two(agent, job_id))
    agent.cancel(job_id, grace_ms=0)
    agent.events(job_id)


def the_first_two(agent: Agent, job_id: str) -> list[JobEvent]:
    stream = agent.watch(job_id)
    events = [next(stream), next(stream)]
    stream.cancel()
    return events


def test_contact_counts_from_the_last_call_and_not_while_a_stream_is_open() -> None:
    now = 0.0
    contact = Contact(lambda: now)
    now = 5.0
    assert contact.silent_seconds() == 5
    contact.touch()
    assert contact.silent_seconds() == 0
    with contact:
        now = 50.0
        assert contact.silent_seconds() == 0
    now = 52.0
    assert contact.silent_seconds() == 2


def printed_by(program: str) -> str:
    """What a fresh interpreter prints."""
    command = [sys.executable, "-c", program]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


def test_the_agent_loads_no_library_of_an_engine() -> None:
    program = (
        "import sys, longform_worker.agent.main; "
        "print([name for name in ('torch', 'numpy', 'PIL', 'transformers', 'zmq') if name in sys.modules])"
    )
    assert printed_by(program) == "[]"


def test_an_engine_starts_without_the_libraries_of_the_agent() -> None:
    program = (
        "import sys, longform_worker.engines.main; "
        "print([name for name in ('grpc', 'google.protobuf', 'zmq', 'torch', 'numpy') if name in sys.modules])"
    )
    assert printed_by(program) == "[]"


def test_an_address_in_use_ends_the_agent_with_a_word() -> None:
    with Agent() as agent:
        second = subprocess.run(
            [sys.executable, "-m", "longform_worker.agent"],
            env=agent.variables,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert second.returncode == 3
        assert "address_in_use" in second.stderr
        assert "another process listens" in second.stderr
        assert agent.handshake().pid == agent.process.pid


def test_an_agent_can_listen_on_a_loopback_port() -> None:
    with Agent(LONGFORM_AGENT_LISTEN="127.0.0.1:0") as agent:
        assert agent.registration.address.startswith("127.0.0.1:")
        assert agent.handshake().live_endpoint.startswith("ipc://")
