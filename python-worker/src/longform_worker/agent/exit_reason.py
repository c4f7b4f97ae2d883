"""Why an engine ended: its signal or exit code, and whether the kernel ended it because memory ran out."""

import signal
from dataclasses import dataclass
from pathlib import Path

from longform_worker.failure import EngineFailure

CGROUP_ROOT = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineEnd:
    """How a process ended.

    returncode: as subprocess has it, minus the number of the signal.
    out_of_memory: the kernel's memory killer struck in the engine's cgroup while it lived.
    killed: the agent itself sent SIGKILL.
    """

    pid: int
    returncode: int
    out_of_memory: bool
    killed: bool


def reason(end: EngineEnd, environment: str, python: str, *, said_anything: bool) -> EngineFailure:
    """The failure of an engine that ended without saying why.

    said_anything: it sent at least one frame, so interpreter and package started.
    """
    facts = {"pid": str(end.pid), "environment": environment, "python": python}
    if end.killed:
        return EngineFailure("internal", "the engine let go of its connection and did not leave", **facts)
    if end.returncode < 0:
        number = -end.returncode
        name = signal_name(number)
        if end.out_of_memory and number == signal.SIGKILL:
            return EngineFailure("oom_killed", f"the kernel ended process {end.pid}: memory ran out", **facts)
        return EngineFailure(
            "signal", f"process {end.pid} was ended by {name}", signal=name, signal_number=number, **facts
        )
    if end.returncode != 0 and not said_anything:
        return EngineFailure(
            "environment_missing",
            f"the interpreter ended with code {end.returncode} before the engine could start",
            exit_code=end.returncode,
            **facts,
        )
    return EngineFailure(
        "exit_code",
        f"process {end.pid} ended with code {end.returncode} and no result",
        exit_code=end.returncode,
        **facts,
    )


def signal_name(number: int) -> str:
    """SIGSEGV for 11; "signal 40" for one without a name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def memory_counter(pid: int, root: Path = CGROUP_ROOT, proc: Path = Path("/proc")) -> Path | None:
    """The file that counts memory kills in the cgroup of a process; None when it cannot be read."""
    try:
        lines = (proc / str(pid) / "cgroup").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        hierarchy, controllers, path = line.split(":", 2)
        if hierarchy == "0":
            candidate = root / path.lstrip("/") / "memory.events"
        elif "memory" in controllers.split(","):
            candidate = root / "memory" / path.lstrip("/") / "memory.oom_control"
        else:
            continue
        if memory_kills(candidate) is not None:
            return candidate
    return None


def memory_kills(counter: Path | None) -> int | None:
    """Processes the kernel has ended in that cgroup for want of memory; None when it does not say."""
    if counter is None:
        return None
    try:
        pairs = (line.split() for line in counter.read_text().splitlines())
        return next((int(pair[1]) for pair in pairs if len(pair) == 2 and pair[0] == "oom_kill"), None)
    except (OSError, ValueError):
        return None
