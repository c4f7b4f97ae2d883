"""One engine as a process: its start, its signals, its end, and everything it may leave behind."""

import asyncio
import errno
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

import longform_worker
from longform_worker.agent.engine_log import EngineLog, Line
from longform_worker.agent.exit_reason import EngineEnd, memory_counter, memory_kills
from longform_worker.agent.limits import OUTPUT_DRAIN_MS, SWEEP_MS
from longform_worker.agent.place import RANK_VARIABLES, Place
from longform_worker.failure import EngineFailure
from longform_worker.wire import AGENT_PID_VARIABLE, ENGINE_FD_VARIABLE, LENGTH, Frame, body_length, decode, encode

T = TypeVar("T")

RUN_COOKIE_VARIABLE = "LONGFORM_RUN_COOKIE"
JOB_COOKIE_VARIABLE = "LONGFORM_JOB_COOKIE"
# What the agent was told and engines are not.
AGENT_ONLY = ("LONGFORM_TOKEN_FILE", "LONGFORM_RUNNER_ADDRESS", "LONGFORM_AGENT_LISTEN", "LONGFORM_ENVIRONMENTS")
SWEEP_PAUSE_SECONDS = 0.02

# Engines die with the thread that started them. This one lives as long as the process, and leaves the event loop
# free when the interpreter lies on a slow disk.
STARTER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine-starter")


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineStart:
    """What it takes to start an engine. ``log_path`` is a folder, made when missing; ``place`` is of a rank."""

    job_id: str
    kind: str
    environment: str
    python: str
    run_cookie: str
    log_path: Path
    threads: int
    preemption_grace_seconds: float
    place: Place | None = None

    def job_cookie(self) -> str:
        """The mark in the environment of everything that this process starts: ranks are ended one by one."""
        rank = "" if self.place is None else f".rank-{self.place.rank}"
        return f"{self.run_cookie}.{self.job_id}{rank}"

    def log_file(self) -> Path:
        """Where everything goes that it prints. All nodes of a job share the folder."""
        rank = 0 if self.place is None else self.place.rank
        return self.log_path / ("engine.log" if rank == 0 else f"rank-{rank}.log")


class Engine:
    """A running engine. Made by ``start``; whoever made it awaits ``ended`` and then ``clear``."""

    def __init__(self, start: EngineStart, process: subprocess.Popen[bytes], log: EngineLog) -> None:
        self._start = start
        self._process = process
        self._counter = memory_counter(process.pid)
        self._kills_before = memory_kills(self._counter)
        self._reaped = False
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter
        self.log = log
        self.pid = process.pid
        self.killed = False

    @classmethod
    async def start(cls, start: EngineStart, deliver: Callable[[list[Line]], None]) -> "Engine":
        """Starts the interpreter with our package.

        ``deliver`` gets printed lines, in the event loop. Raises EngineFailure.
        """
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                process, file = await loop.run_in_executor(STARTER, spawn, start, theirs.fileno())
        except BaseException:
            ours.close()
            raise
        log = EngineLog(process, file, start.log_file().name, lambda lines: loop.call_soon_threadsafe(deliver, lines))
        log.start()
        engine = cls(start, process, log)
        engine._reader, engine._writer = await asyncio.open_connection(sock=ours)
        return engine

    async def receive(self) -> Frame | None:
        """The next frame; None when the engine has let go of its end. Raises BadFrame."""
        try:
            header = await self._reader.readexactly(LENGTH.size)
            return decode(await self._reader.readexactly(body_length(header)))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def send(self, frame: Frame) -> None:
        """Sends a frame and waits while the engine is behind; an engine that is gone is no error here."""
        try:
            self._writer.write(encode(frame))
            await self._writer.drain()
        except ConnectionError:
            return

    def signal_group(self, number: signal.Signals) -> None:
        """Signals the engine's process group, as long as the number cannot have passed to another one."""
        if self._reaped:
            return
        if number == signal.SIGKILL:
            self.killed = True
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return

    async def ended(self) -> None:
        """Waits for the end of the process without reaping it: until ``clear`` its number stays taken."""
        await in_thread(os.waitid, os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)

    async def clear(self) -> tuple[EngineEnd, list[int]]:
        """After the end: ends what it left behind, reads the rest of its output, reaps it.

        Returns how it ended and the pids that could not be ended.
        """
        killed = self.killed
        self.signal_group(signal.SIGKILL)
        returncode = self._process.wait()
        self._reaped = True
        survivors = await asyncio.to_thread(sweep, JOB_COOKIE_VARIABLE, self._start.job_cookie(), SWEEP_MS / 1000)
        kills = memory_kills(self._counter)
        await self._finish_log()
        self._writer.close()
        end = EngineEnd(
            pid=self.pid,
            returncode=returncode,
            out_of_memory=kills is not None and self._kills_before is not None and kills > self._kills_before,
            killed=killed,
        )
        return end, survivors

    async def _finish_log(self) -> None:
        await in_thread(self.log.join, OUTPUT_DRAIN_MS / 1000)
        if self.log.is_alive():
            # Something without our mark holds the pipes open.
            self.log.finish()
            await in_thread(self.log.join)


def spawn(start: EngineStart, descriptor: int) -> tuple[subprocess.Popen[bytes], BinaryIO]:
    """Opens the log and starts the process, in a session and group of its own. Raises EngineFailure."""
    try:
        start.log_path.mkdir(parents=True, exist_ok=True)
        file = start.log_file().open("ab")
    except OSError as error:
        detail = f"the engine's log cannot be written: {error.strerror}"
        raise EngineFailure("disk_full", detail, file=error.filename) from error
    variables = engine_variables(start, os.environ)
    variables[ENGINE_FD_VARIABLE] = str(descriptor)
    try:
        process = subprocess.Popen(
            [start.python, "-m", "longform_worker.engines"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            pass_fds=(descriptor,),
            env=variables,
            start_new_session=True,
        )
    except OSError as error:
        file.close()
        raise not_started(start, error) from error
    return process, file


def not_started(start: EngineStart, error: OSError) -> EngineFailure:
    """Why an interpreter did not start: missing or no program, else the system had nothing left."""
    facts = {"environment": start.environment, "python": start.python}
    if error.errno in (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE):
        return EngineFailure("launch_failed", f"the engine cannot be started: {error.strerror}", **facts)
    detail = f"the interpreter of environment {start.environment} does not start: {error.strerror}"
    return EngineFailure("environment_missing", detail, **facts)


def engine_variables(start: EngineStart, variables: Mapping[str, str]) -> dict[str, str]:
    """The environment of an engine."""
    package_root = str(Path(longform_worker.__file__).parent.parent)
    inherited = {name: value for name, value in variables.items() if name not in (*AGENT_ONLY, *RANK_VARIABLES)}
    return {
        **inherited,
        "PYTHONPATH": os.pathsep.join(filter(None, [package_root, variables.get("PYTHONPATH")])),
        "PYTHONUNBUFFERED": "1",
        # Without byte code on the disk every engine compiles torch and transformers anew: 6 to 8 seconds.
        "PYTHONDONTWRITEBYTECODE": "",
        "OMP_NUM_THREADS": str(start.threads),
        **({} if start.place is None else start.place.variables()),
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        RUN_COOKIE_VARIABLE: start.run_cookie,
        JOB_COOKIE_VARIABLE: start.job_cookie(),
        AGENT_PID_VARIABLE: str(os.getpid()),
    }


def sweep(variable: str, value: str, seconds: float) -> list[int]:
    """Kills every process whose environment carries the mark, also those in sessions of their own.

    Looks again until none is left or the time is over; returns the pids that are left.
    """
    deadline = time.monotonic() + seconds
    while True:
        found = marked(variable, value)
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue
        if not found or time.monotonic() >= deadline:
            return found
        time.sleep(SWEEP_PAUSE_SECONDS)


def marked(variable: str, value: str) -> list[int]:
    """Processes, but this one, that were started with the variable set so. Zombies have no environment any more."""
    mark = os.fsencode(f"{variable}={value}")
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            environ = (entry / "environ").read_bytes()
        except OSError:
            continue
        if mark in environ.split(b"\0"):
            found.append(int(entry.name))
    return found


async def in_thread(function: Callable[..., T], *args: object) -> T:
    """The value of a call that may block for long, in a thread of its own: the shared ones would run out."""
    loop = asyncio.get_running_loop()
    finished: Future[T] = Future()
    # A call that runs cannot be called off; without this the thread would find its future cancelled at the agent's end.
    finished.set_running_or_notify_cancel()

    def call() -> None:
        try:
            finished.set_result(function(*args))
        except BaseException as error:  # handed over, not swallowed
            finished.set_exception(error)

    threading.Thread(target=call, name=getattr(function, "__name__", "call"), daemon=True).start()
    return await asyncio.wrap_future(finished, loop=loop)
