"""Ends that somebody asked for: nothing of the job is left, whatever it does about it."""

import os
import secrets
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from agent_rig import Agent, wait_until
from test_agent_jobs import code

from longform_worker.agent.process import JOB_COOKIE_VARIABLE, RUN_COOKIE_VARIABLE, marked


def lives(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def of_job(agent: Agent, job_id: str) -> list[int]:
    """Processes with the job's mark."""
    return marked(JOB_COOKIE_VARIABLE, f"{agent.cookie}.{job_id}")


def test_a_cancelled_job_ends_politely_and_at_once(agent: Agent) -> None:
    job_id = agent.start("stop")
    pid = agent.wait_for(job_id, "phase").phase.pid
    begun = time.monotonic()
    assert agent.cancel(job_id, grace_ms=10_000)
    last = agent.events(job_id)[-1]
    assert time.monotonic() - begun < 3
    assert code(last) == "user_cancel"
    assert not lives(pid)


def test_cancelling_again_or_something_unknown_is_harmless(agent: Agent) -> None:
    job_id = agent.start("stop")
    assert agent.cancel(job_id)
    events = agent.events(job_id)
    assert not agent.cancel(job_id)
    assert not agent.cancel("unknown")
    assert agent.events(job_id) == events
    finished = agent.start("done")
    agent.events(finished)
    assert not agent.cancel(finished)
    assert agent.events(finished)[-1].HasField("done")


def test_an_engine_that_ignores_the_polite_signal_is_killed_after_the_grace(agent: Agent) -> None:
    job_id = agent.start("stop:deaf")
    pid = next(e.phase.pid for e in agent.watch(job_id) if e.phase.phase == 4)
    begun = time.monotonic()
    agent.cancel(job_id, grace_ms=300)
    last = agent.events(job_id)[-1]
    assert 0.3 <= time.monotonic() - begun < 3
    assert code(last) == "user_cancel"
    assert "survivors" not in last.failed.facts
    assert not lives(pid)


def test_a_deaf_grandchild_in_a_session_of_its_own_is_found_by_its_mark(agent: Agent) -> None:
    job_id = agent.start("grandchild")
    other = agent.start("stop")
    grandchild = agent.wait_for(job_id, "progress").progress.done
    agent.wait_for(other, "phase")
    assert os.getpgid(grandchild) == grandchild
    agent.cancel(job_id, grace_ms=200)
    assert code(agent.events(job_id)[-1]) == "user_cancel"
    assert not lives(grandchild)
    assert of_job(agent, job_id) == []
    assert of_job(agent, other), "the other job of this run was hit"
    agent.cancel(other)
    agent.events(other)


def test_what_a_dead_engine_left_behind_ends_with_it(agent: Agent) -> None:
    job_id = agent.start("grandchild:leave")
    grandchild = agent.wait_for(job_id, "progress").progress.done
    assert code(agent.events(job_id)[-1]) == "exit_code"
    assert not lives(grandchild)


def test_a_cancel_right_after_the_start_is_not_lost(agent: Agent) -> None:
    job_id = agent.start("stop:deaf")
    agent.cancel(job_id, grace_ms=100)
    assert code(agent.events(job_id)[-1]) == "user_cancel"
    assert of_job(agent, job_id) == []


@pytest.fixture
def freezer() -> Iterator[Path]:
    """A cgroup whose processes can be frozen, where this machine lets us make one."""
    folder = Path("/sys/fs/cgroup/freezer") / f"longform-{secrets.token_hex(4)}"
    try:
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"no freezer cgroup can be made: {error}")
    yield folder
    (folder / "freezer.state").write_text("THAWED")
    wait_until(lambda: not (folder / "cgroup.procs").read_text(), "the frozen process is gone")
    folder.rmdir()


def test_a_process_that_survives_the_last_signal_is_named_and_not_waited_for(freezer: Path, agent: Agent) -> None:
    job_id = agent.start("stop")
    pid = agent.wait_for(job_id, "phase").phase.pid
    (freezer / "cgroup.procs").write_text(str(pid))
    (freezer / "freezer.state").write_text("FROZEN")
    agent.cancel(job_id, grace_ms=100)
    last = agent.events(job_id)[-1]
    assert code(last) == "user_cancel"
    assert last.failed.facts["survivors"] == str(pid)
    assert lives(pid)


def test_sigterm_ends_the_engines_before_the_agent() -> None:
    with Agent() as agent:
        deaf, grandchild = agent.start("stop"), agent.start("grandchild")
        agent.wait_for(deaf, "phase")
        agent.wait_for(grandchild, "progress")
        watching = agent.watch(deaf)
        agent.process.send_signal(signal.SIGTERM)
        last = list(watching)[-1]
        assert code(last) == "signal"
        assert last.failed.facts["signal"] == "SIGTERM"
        agent.process.wait(20)
        assert agent.process.returncode == 0
        assert marked(RUN_COOKIE_VARIABLE, agent.cookie) == []


def test_shutdown_answers_when_nothing_is_left() -> None:
    with Agent() as agent:
        job_id = agent.start("stop:deaf")
        agent.wait_for(job_id, "phase")
        agent.shutdown(grace_ms=200)
        assert of_job(agent, job_id) == []
        agent.process.wait(20)
        assert agent.process.returncode == 0
        assert not (agent.folder / "agent.sock").exists()


def test_an_engine_dies_with_an_agent_that_is_killed() -> None:
    with Agent() as agent:
        pids = [agent.wait_for(agent.start("stop:deaf"), "phase").phase.pid for _ in range(2)]
        agent.process.kill()
        wait_until(lambda: not any(map(lives, pids)), "the engines are gone", seconds=5)
        # Whatever asked an interpreter for its versions when the agent was killed ends by itself.
        wait_until(lambda: not marked(RUN_COOKIE_VARIABLE, agent.cookie), "nothing of the run is left", seconds=20)
