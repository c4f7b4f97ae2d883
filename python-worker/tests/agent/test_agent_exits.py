"""How an engine ended: every way has its own failure, with the last lines it printed."""

import contextlib
import os
import secrets
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from agent_rig import Agent
from test_agent_jobs import code

from longform_worker.agent.exit_reason import EngineEnd, memory_counter, memory_kills, reason


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV", "SIGABRT"])
def test_a_signal_is_named(agent: Agent, name: str) -> None:
    last = agent.outcome(f"die:{name}")
    assert code(last) == "signal"
    assert last.failed.facts["signal"] == name
    assert last.failed.facts["signal_number"] == str(int(signal.Signals[name]))
    assert int(last.failed.facts["pid"]) > 0
    assert last.failed.facts["log_tail"].splitlines()[-1] == "last words"


def test_an_exit_code_is_kept(agent: Agent) -> None:
    last = agent.outcome("leave:3")
    assert code(last) == "exit_code"
    assert last.failed.facts["exit_code"] == "3"
    assert last.failed.facts["log_tail"] == "unfinished words"


def test_an_exit_with_zero_and_no_result_is_no_success(agent: Agent) -> None:
    last = agent.outcome("leave:0")
    assert code(last) == "exit_code"
    assert last.failed.facts["exit_code"] == "0"


@pytest.mark.parametrize("behaviour", ["refuse", "refuse_then_die"])
def test_what_the_engine_said_stands_above_how_it_ended(agent: Agent, behaviour: str) -> None:
    last = agent.outcome(behaviour)
    assert code(last) == "data_refused"
    assert last.failed.detail == "the file is no image"


def test_an_interpreter_that_is_missing_is_named(agent: Agent) -> None:
    last = agent.outcome("done", environment="gone")
    assert code(last) == "environment_missing"
    assert last.failed.facts["python"] == "/nowhere/python"


def test_an_environment_that_nobody_configured_is_named(agent: Agent) -> None:
    last = agent.outcome("done", environment="vllm")
    assert code(last) == "environment_missing"
    assert last.failed.facts["expected"] == "train, real, gone"


def test_a_library_that_is_missing_is_named(agent: Agent) -> None:
    last = agent.outcome("missing_library")
    assert code(last) == "environment_missing"
    assert last.failed.facts["library"] == "no_such_library"
    assert last.failed.facts["python"] == os.path.normpath(sys.executable)


def test_an_interpreter_that_cannot_run_the_package_is_no_mere_exit_code() -> None:
    broken = Agent()
    broken.variables["LONGFORM_ENVIRONMENTS"] = f'{{"train": "{broken.script("echo too old >&2; exit 1")}"}}'
    with broken as agent:
        last = agent.outcome("done")
    assert code(last) == "environment_missing"
    assert last.failed.facts["exit_code"] == "1"
    assert last.failed.facts["log_tail"] == "too old"


@pytest.fixture
def small_cgroup() -> Iterator[Path]:
    """A memory cgroup of 200 MB, where this machine lets us make one."""
    root = Path("/sys/fs/cgroup")
    folder = (root / "memory" if (root / "memory").is_dir() else root) / f"longform-{secrets.token_hex(4)}"
    limit = "memory.limit_in_bytes" if (root / "memory").is_dir() else "memory.max"
    try:
        folder.mkdir()
        (folder / limit).write_text("200000000")
    except OSError as error:
        with contextlib.suppress(OSError):
            folder.rmdir()
        pytest.skip(f"no memory cgroup can be made: {error}")
    yield folder
    folder.rmdir()


def test_a_kill_for_want_of_memory_is_no_mere_signal(small_cgroup: Path) -> None:
    limited = Agent()
    limited.prefix = ["/bin/sh", "-c", f'echo $$ > {small_cgroup}/cgroup.procs; exec "$@"', "sh"]
    with limited as agent:
        last = agent.outcome("allocate:1000")
        assert agent.outcome("done").HasField("done")
        # A kill without the kernel's counter stays a signal.
        assert code(agent.outcome("die:SIGKILL")) == "signal"
    assert code(last) == "oom_killed"
    assert last.failed.facts["log_tail"] == "about to allocate"


@pytest.mark.parametrize(
    ("line", "file", "text"),
    [
        ("0::/job/step", "job/step/memory.events", "low 0\noom 1\noom_kill 4\n"),
        ("4:cpu,memory:/job", "memory/job/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n"),
    ],
)
def test_the_kernels_counter_is_found_in_both_kinds_of_cgroups(tmp_path: Path, line: str, file: str, text: str) -> None:
    counter = tmp_path / file
    counter.parent.mkdir(parents=True)
    counter.write_text(text)
    process = tmp_path / "proc" / "7"
    process.mkdir(parents=True)
    (process / "cgroup").write_text(f"9:name=systemd:/\n{line}\n")
    found = memory_counter(7, root=tmp_path, proc=tmp_path / "proc")
    assert found == counter
    assert memory_kills(found) == 4


def test_a_process_that_is_gone_has_no_counter(tmp_path: Path) -> None:
    assert memory_counter(7, root=tmp_path, proc=tmp_path) is None
    assert memory_kills(None) is None


def test_a_signal_without_a_name_has_its_number() -> None:
    end = EngineEnd(pid=7, returncode=-40, out_of_memory=False, killed=False)
    assert reason(end, "train", "python", said_anything=True).facts["signal"] == "signal 40"


def test_an_engine_that_does_not_leave_is_a_defect() -> None:
    end = EngineEnd(pid=7, returncode=-9, out_of_memory=False, killed=True)
    assert reason(end, "train", "python", said_anything=True).code == "internal"
