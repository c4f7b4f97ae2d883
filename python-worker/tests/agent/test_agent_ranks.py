"""A job of several processes: they begin together, one speaks, and when one fails all end and the cause is named."""

import os
import signal
import socket
import time
from pathlib import Path

import pytest
from agent_rig import Agent, wait_until
from test_agent_cancel import lives
from test_agent_jobs import code

from longform_worker.agent.main import meeting_address
from longform_worker.agent.process import JOB_COOKIE_VARIABLE, RUN_COOKIE_VARIABLE, marked
from longform_worker.gen.event_pb2 import JobEvent
from longform_worker.gen.worker_pb2 import OfferRendezvousRequest, Ranks, Rendezvous

MEETING = Rendezvous(address="127.0.0.1", port=29_999)


def start(agent: Agent, *behaviours: str, first: int = 0, world: int = 0) -> str:
    """Starts a job with a behaviour for each rank of the world; returns its id."""
    request = agent.request("ranks:" + "|".join(behaviours))
    local = len(behaviours) - first
    request.ranks.CopyFrom(
        Ranks(first_rank=first, local_ranks=local, world_size=world or len(behaviours), rendezvous=MEETING)
    )
    assert agent.call("StartJob", request).started
    return request.job_id


def last_of(agent: Agent, *behaviours: str) -> JobEvent:
    return agent.events(start(agent, *behaviours))[-1]


def pids_of(agent: Agent, job_id: str, rank: int) -> list[int]:
    """Processes of one rank."""
    return marked(JOB_COOKIE_VARIABLE, f"{agent.cookie}.{job_id}.rank-{rank}")


def printed(events: list[JobEvent]) -> set[str]:
    return {event.log.text for event in events if event.HasField("log")}


def test_each_rank_has_its_place_in_the_usual_variables_and_a_log_of_its_own(agent: Agent) -> None:
    names = "RANK,LOCAL_RANK,WORLD_SIZE,LOCAL_WORLD_SIZE,MASTER_ADDR,MASTER_PORT"
    job_id = start(agent, "done", f"variables:{names}", f"variables:{names}", first=1, world=4)
    events = agent.events(job_id)
    assert events[-1].HasField("done")
    shared = ["WORLD_SIZE=4", "LOCAL_WORLD_SIZE=4", "MASTER_ADDR=127.0.0.1", "MASTER_PORT=29999"]
    wanted = {rank: [f"RANK={rank}", f"LOCAL_RANK={rank}", *shared] for rank in (1, 2)}
    # The first of this agent speaks for itself, the others behind their number.
    assert printed(events) == {*wanted[1], *(f"[rank 2] {line}" for line in wanted[2])}
    for rank, lines in wanted.items():
        assert Path(agent.log_path(job_id), f"rank-{rank}.log").read_text().splitlines() == lines


def test_only_the_first_rank_is_heard_and_only_once_all_are_done_the_job_is(agent: Agent) -> None:
    begun = time.monotonic()
    events = agent.events(start(agent, "done:2", "later:done:3"))
    assert time.monotonic() - begun >= 0.5
    assert [event.progress.total for event in events if event.HasField("progress")] == [2, 2]
    assert len([event for event in events if event.HasField("phase")]) == 1
    assert events[-1].done.imported.rows == 3


def test_a_rank_that_is_killed_is_named_with_its_last_lines_and_nothing_is_left(agent: Agent) -> None:
    job_id = start(agent, "stop", "lines_then_wait:3", "stop")
    wait_until(lambda: "[rank 1] line 2" in printed_so_far(agent, job_id), "rank 1 has printed")
    (pid,) = pids_of(agent, job_id, 1)
    os.kill(pid, signal.SIGKILL)
    begun = time.monotonic()
    last = agent.events(job_id)[-1]
    assert time.monotonic() - begun < 6
    assert code(last) == "signal"
    assert last.failed.facts["signal"] == "SIGKILL"
    assert (last.failed.facts["rank"], last.failed.facts["pid"]) == ("1", str(pid))
    assert last.failed.facts["log_tail"] == "line 0\nline 1\nline 2"
    assert [pids_of(agent, job_id, rank) for rank in range(3)] == [[], [], []]


def printed_so_far(agent: Agent, job_id: str) -> str:
    path = Path(agent.log_path(job_id), "rank-1.log")
    return "".join(f"[rank 1] {line}\n" for line in path.read_text().splitlines()) if path.exists() else ""


def test_the_cause_stands_above_its_victims_whoever_speaks_first(agent: Agent) -> None:
    last = last_of(agent, "victim", "later:refuse", "victim")
    assert code(last) == "data_refused"
    assert last.failed.facts["rank"] == "1"


def test_of_several_causes_the_first_one_counts(agent: Agent) -> None:
    last = last_of(agent, "later:leave:4", "refuse")
    assert (code(last), last.failed.facts["rank"]) == ("data_refused", "1")
    last = last_of(agent, "later:refuse", "leave:4")
    assert (code(last), last.failed.facts["rank"]) == ("exit_code", "1")


def test_with_victims_alone_one_of_them_is_told_for_whoever_knows_the_other_nodes(agent: Agent) -> None:
    # One that hangs in a collective says nothing: what it ends with after the agent's signal is no cause.
    last = last_of(agent, "stop", "victim")
    assert code(last) == "node_lost"
    assert (last.failed.facts["collective"], last.failed.facts["rank"]) == ("true", "1")


def test_a_rank_that_does_not_react_to_the_polite_signal_is_killed(agent: Agent) -> None:
    job_id = start(agent, "stop:deaf", "refuse")
    begun = time.monotonic()
    assert code(agent.events(job_id)[-1]) == "data_refused"
    assert time.monotonic() - begun < 15
    assert pids_of(agent, job_id, 0) == []


def test_what_a_dead_rank_left_behind_ends_with_it(agent: Agent) -> None:
    job_id = start(agent, "later:victim", "grandchild:leave")
    last = agent.events(job_id)[-1]
    assert (code(last), last.failed.facts["rank"]) == ("exit_code", "1")
    assert pids_of(agent, job_id, 1) == []


def test_cancelling_reaches_every_rank(agent: Agent) -> None:
    job_id = start(agent, "stop", "stop:deaf", "grandchild")
    agent.wait_for(job_id, "phase")
    wait_until(lambda: len(pids_of(agent, job_id, 2)) == 2, "the grandchild is there")
    begun = time.monotonic()
    assert agent.cancel(job_id, grace_ms=300)
    last = agent.events(job_id)[-1]
    assert time.monotonic() - begun < 3
    assert code(last) == "user_cancel"
    assert [pids_of(agent, job_id, rank) for rank in range(3)] == [[], [], []]


def start_savers(agent: Agent) -> str:
    """Two ranks that save when they are asked to end, and are ready to be asked."""
    job_id = start(agent, "save_on_term", "save_on_term")
    for rank in range(2):
        wait_until(lambda rank=rank: any(map(catches_term, pids_of(agent, job_id, rank))), "it listens")
    return job_id


def test_ranks_that_save_within_the_grace_end_as_preempted(agent: Agent) -> None:
    job_id = start_savers(agent)
    agent.cancel(job_id, grace_ms=10_000)
    last = agent.events(job_id)[-1]
    assert code(last) == "preempted"
    assert last.failed.facts["step"] == "7"


def test_ranks_that_are_not_ready_within_the_grace_are_cancelled(agent: Agent) -> None:
    job_id = start_savers(agent)
    agent.cancel(job_id, grace_ms=100)
    assert code(agent.events(job_id)[-1]) == "user_cancel"


def test_a_signal_from_outside_is_told_as_the_ranks_tell_it(agent: Agent) -> None:
    job_id = start_savers(agent)
    for rank in range(2):
        os.kill(pids_of(agent, job_id, rank)[0], signal.SIGTERM)
    assert code(agent.events(job_id)[-1]) == "preempted"


def test_every_rank_dies_with_an_agent_that_is_killed() -> None:
    with Agent() as agent:
        job_id = start(agent, "stop:deaf", "stop:deaf", "stop:deaf")
        agent.wait_for(job_id, "phase")
        pids = [pid for rank in range(3) for pid in pids_of(agent, job_id, rank)]
        assert len(pids) == 3
        wait_until(lambda: all(map(dies_with_parent, pids)), "each has told the kernel")
        agent.process.kill()
        wait_until(lambda: not any(map(lives, pids)), "the ranks are gone", seconds=5)
        wait_until(lambda: not marked(RUN_COOKIE_VARIABLE, agent.cookie), "nothing of the run is left")


def dies_with_parent(pid: int) -> bool:
    """Whether the process is past its first lines: it ignores the polite signal."""
    return term_is(pid, "SigIgn")


def catches_term(pid: int) -> bool:
    return term_is(pid, "SigCgt")


def term_is(pid: int, mask: str) -> bool:
    """Whether the polite signal is in one of the masks that the kernel shows of a process."""
    bits = Path(f"/proc/{pid}/status").read_text().partition(f"{mask}:\t")[2].split()[0]
    return bool(int(bits, 16) >> (signal.SIGTERM - 1) & 1)


@pytest.mark.parametrize(
    ("ranks", "path", "expected"),
    [
        (Ranks(first_rank=1, local_ranks=2, world_size=2, rendezvous=MEETING), "ranks.first_rank", "from 0 to 0"),
        (Ranks(first_rank=0, local_ranks=0, world_size=2, rendezvous=MEETING), "ranks.local_ranks", "from 1 to 2"),
        (Ranks(first_rank=0, local_ranks=3, world_size=2, rendezvous=MEETING), "ranks.local_ranks", "from 1 to 2"),
        (Ranks(first_rank=0, local_ranks=1, world_size=1), "ranks.rendezvous", "an object (Rendezvous)"),
        (Ranks(local_ranks=1, world_size=1, rendezvous=MEETING), "ranks.first_rank", "a whole number"),
        (
            Ranks(first_rank=0, local_ranks=1, world_size=1, rendezvous=Rendezvous(address="", port=80)),
            "ranks.rendezvous.address",
            "a host name",
        ),
        (
            Ranks(first_rank=0, local_ranks=1, world_size=1, rendezvous=Rendezvous(address="a", port=70_000)),
            "ranks.rendezvous.port",
            "from 1 to 65535",
        ),
    ],
)
def test_ranks_that_do_not_fit_are_refused_by_field(agent: Agent, ranks: Ranks, path: str, expected: str) -> None:
    request = agent.request("done")
    request.ranks.CopyFrom(ranks)
    assert agent.call("StartJob", request).started
    (last,) = agent.events(request.job_id)
    assert (code(last), last.failed.field_path) == ("spec_refused", path)
    assert expected in last.failed.facts["expected"]


def test_a_place_to_meet_is_free_and_on_this_machine_for_an_agent_that_only_this_machine_reaches(agent: Agent) -> None:
    place = agent.call("OfferRendezvous", OfferRendezvousRequest()).rendezvous
    assert place.address == "127.0.0.1"
    with socket.create_server((place.address, place.port)):
        pass


@pytest.mark.parametrize(
    ("listen", "address"),
    [("unix:/run/agent.sock", "127.0.0.1"), ("127.0.0.1:0", "127.0.0.1"), ("0.0.0.0:0", os.uname().nodename)],
)
def test_ranks_meet_where_the_agent_can_be_reached(listen: str, address: str) -> None:
    assert meeting_address(listen) == address
