"""What engines print: all of it in engine.log before the end, lines as events within bounds."""

from pathlib import Path

from agent_rig import Agent
from test_agent_jobs import code

from longform_worker.agent import limits
from longform_worker.agent.engine_log import LineCutter, LineGate, pieces


class Clock:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def cut(chunks: list[bytes], clock: Clock | None = None) -> list[str]:
    """All lines of one stream."""
    cutter = LineCutter(clock or Clock())
    lines = [line for chunk in chunks for line in cutter.feed(chunk)]
    return lines + cutter.feed(b"", final=True)


def test_lines_are_the_same_however_the_bytes_arrive() -> None:
    text = "first\nzwei\r\n三 lines\n\nlast without end".encode()
    expected = ["first", "zwei", "三 lines", "", "last without end"]
    assert cut([text]) == expected
    assert cut([text[index : index + 1] for index in range(len(text))]) == expected


def test_of_a_line_overwritten_in_place_one_state_per_interval_passes_and_the_last_one_always() -> None:
    clock = Clock()
    cutter = LineCutter(clock)
    shown: list[str] = []
    for number in range(1, 1001):
        shown += cutter.feed(f"\r{number}/1000".encode())
        clock.now += limits.LOG_FOLD_INTERVAL_MS / 1000 / 100
    shown += cutter.feed(b"\ndone\n", final=True)
    assert shown[-2:] == ["1000/1000", "done"]
    assert 10 <= len(shown) <= 13


def test_a_bar_that_ends_each_state_with_a_carriage_return_keeps_its_last_state() -> None:
    shown = cut([f"{number}%\r".encode() for number in range(1, 101)])
    assert shown[-1] == "100%"
    assert len(shown) <= 3


def test_a_long_line_comes_in_pieces_and_loses_nothing() -> None:
    text = "ä三" * 20_000
    lines = cut([text.encode()[index : index + 999] for index in range(0, len(text.encode()), 999)])
    assert "".join(lines) == text
    assert max(len(line.encode()) for line in lines) <= limits.LOG_LINE_MAX_BYTES
    assert pieces("") == [""]


def test_bytes_that_are_no_text_become_replacement_characters() -> None:
    assert cut([b"a\xffb\n"]) == ["a\N{REPLACEMENT CHARACTER}b"]


def test_the_gate_says_how_many_lines_it_held_back() -> None:
    clock = Clock()
    gate = LineGate("engine.log", clock)
    burst = gate.passed([("stdout", str(number)) for number in range(limits.LOG_BURST_LINES + 7)])
    assert len(burst) == limits.LOG_BURST_LINES
    clock.now += 1
    assert gate.passed([("stdout", "later")]) == [("stdout", "(7 lines are only in engine.log)"), ("stdout", "later")]
    gate.passed([("stdout", "x" * (limits.LOG_BURST_BYTES + 1))])
    assert gate.passed([], final=True) == [("stderr", "(1 lines are only in engine.log)")]


def test_every_line_printed_before_a_cancel_is_in_the_log_when_the_job_has_ended(agent: Agent) -> None:
    count = 100_000
    job_id = agent.start(f"lines_then_wait:{count}")
    for event in agent.watch(job_id):
        if event.phase.phase == 4:
            break
    agent.cancel(job_id)
    last = agent.events(job_id)[-1]
    assert code(last) == "user_cancel"
    assert agent.engine_log(job_id).decode().splitlines() == [f"line {number}" for number in range(count)]
    assert last.failed.facts["log_tail"].splitlines() == [f"line {number}" for number in range(count - 20, count)]


def test_few_lines_are_all_events_before_the_last_one(agent: Agent) -> None:
    events = agent.events(agent.start("lines:500"))
    assert [event.log.text for event in events if event.HasField("log")] == [f"line {number}" for number in range(500)]
    assert events[-1].HasField("done")


def test_a_progress_bar_of_a_thousand_states_is_a_handful_of_events(agent: Agent) -> None:
    job_id = agent.start("bar:1000")
    texts = [event.log.text for event in agent.events(job_id) if event.HasField("log")]
    assert texts[-1] == "1000/1000"
    assert len(texts) <= 5
    assert agent.engine_log(job_id).count(b"\r") == 1001


def peak_memory_bytes(pid: int) -> int:
    """The most memory a process ever had resident."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def test_a_line_of_fifty_megabytes_costs_the_agent_no_memory() -> None:
    with Agent() as agent:
        agent.events(agent.start("lines:500"))
        before = peak_memory_bytes(agent.process.pid)
        job_id = agent.start("one_line:50")
        events = agent.events(job_id)
        assert events[-1].HasField("done")
        assert peak_memory_bytes(agent.process.pid) - before < 20_000_000
        assert len(agent.engine_log(job_id)) == 50_000_001
        texts = [event.log.text for event in events if event.HasField("log")]
        assert max(len(text) for text in texts) <= limits.LOG_LINE_MAX_BYTES
        held = [int(text[1:].split()[0]) for text in texts if text.endswith("lines are only in engine.log)")]
        assert len(texts) - len(held) + sum(held) == 1 + 50_000_000 // limits.LOG_LINE_MAX_BYTES


def test_a_log_folder_that_cannot_be_made_fails_the_job_before_it_starts(agent: Agent) -> None:
    request = agent.request("done")
    blocked = agent.folder / "a-file"
    blocked.write_text("")
    request.log_path = str(blocked / "logs")
    agent.call("StartJob", request)
    (event,) = agent.events(request.job_id)
    assert code(event) == "disk_full"
    assert str(blocked) in event.failed.facts["file"]


def test_an_engine_goes_on_when_its_log_can_no_longer_be_written(agent: Agent) -> None:
    request = agent.request("lines:2000")
    folder = Path(request.log_path)
    folder.mkdir(parents=True)
    # Every write to it fails as on a full disk.
    (folder / "engine.log").symlink_to("/dev/full")
    agent.call("StartJob", request)
    events = agent.events(request.job_id)
    assert events[-1].HasField("done")
    notices = [event.log.text for event in events if "engine.log ends here" in event.log.text]
    assert len(notices) == 1
    assert "No space left" in notices[0]
