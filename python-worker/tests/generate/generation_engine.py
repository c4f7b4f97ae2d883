"""The agent's side of a generation engine, for tests: real frames over a real socketpair."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from longform_worker.engines.generate import serve
from longform_worker.failure import EngineFailure
from longform_worker.jobs import GenerationJob
from longform_worker.records import read_record
from longform_worker.wire import EngineLink, Frame, LinkClosed

SOURCE = Path(__file__).parents[2] / "src"
PATIENCE_SECONDS = 60.0
GREEDY: dict[str, Any] = {"temperature": 0, "top_p": 1, "top_k": 0, "max_tokens": 24, "min_tokens": 0, "seed": 0}
POLICY: dict[str, Any] = {
    "resize": "RESIZE_RULE_KEEP_ASPECT",
    "min_pixels": 784,
    "max_pixels": 12544,
    "grid_multiple": 28,
    "background": "#ffffff",
    "max_images": 4,
}


def dice(seed: int) -> random.Random:
    """Random numbers that are the same in every run."""
    return random.Random(seed)


def job_fields(model_path: Path, engine: str, **changes: object) -> dict[str, Any]:
    """A generation job as the agent sends it."""
    return {
        "engine": f"ENGINE_KIND_{engine}",
        "model_path": str(model_path),
        "blob_root": str(model_path.parent / "blobs"),
        "vision_policy": POLICY,
        "prompt_layout": "PROMPT_LAYOUT_IMAGES_FIRST",
        "precision": "PRECISION_FLOAT32",
        "max_batch_sequences": 8,
        "max_tokens": 512,
        **changes,
    }


class Agent:
    """Sends requests to one engine and keeps everything that it answers, with the time of arrival."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._link = EngineLink(connection)
        self.frames: list[Frame] = []
        self.times: list[float] = []

    def send(self, type_: str, /, **fields: object) -> None:
        self._link.send(type_, **fields)

    def ask(
        self, request_id: str, prompt: str = "Describe it.", images: Sequence[object] = (), **sampling: object
    ) -> None:
        """Sends a request; greedy where nothing else is said."""
        fields = {"job_id": "job", "request_id": request_id, "prompt": prompt, "images": list(images)}
        self.send("request", **fields, sampling={**GREEDY, **sampling})

    def cancel(self, request_id: str) -> None:
        self.send("request", job_id="job", request_id=request_id, cancel=True)

    def next(self, patience_seconds: float = PATIENCE_SECONDS) -> Frame:
        """The next frame; raises LinkClosed when the engine is gone, TimeoutError when it says nothing."""
        frame = self._link.receive(patience_seconds)
        if frame is None:
            raise TimeoutError(f"no frame in {patience_seconds} s after {self.frames[-3:]}")
        self.frames.append(frame)
        self.times.append(time.monotonic())
        return frame

    def until(self, type_: str) -> Frame:
        """Reads on to the next frame of a type."""
        while (frame := self.next())["type"] != type_:
            pass
        return frame

    def first_delta(self, request_id: str) -> str:
        """The first text of a request; reads on until there is one."""
        while not (deltas := self.deltas(request_id)):
            self.until("reply")
        return deltas[0]["text"]

    def finished(self, *request_ids: str) -> list[dict[str, Any]]:
        """Reads on until every one of these requests has ended; returns how, in the order of the ids."""
        while True:
            ends = {f["request_id"]: f["finished"] for f in self.frames if f["type"] == "reply" and "finished" in f}
            if ends.keys() >= set(request_ids):
                return [ends[request_id] for request_id in request_ids]
            self.until("reply")

    def write(
        self, request_id: str, prompt: str = "Describe it.", images: Sequence[object] = (), **sampling: object
    ) -> dict[str, Any]:
        """One request from beginning to end."""
        self.ask(request_id, prompt, images, **sampling)
        return self.finished(request_id)[0]

    def deltas(self, request_id: str) -> list[dict[str, Any]]:
        """The deltas of a request among the frames read so far."""
        return [
            f["delta"] for f in self.frames if f["type"] == "reply" and f["request_id"] == request_id and "delta" in f
        ]

    def close(self) -> Frame:
        """Asks the engine to finish and returns its last frame."""
        self.send("close")
        return self.until("done")

    def hang_up(self) -> None:
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()


class Process(Agent):
    """An engine in a process of its own, as the agent starts it."""

    def __init__(self, job: dict[str, Any]) -> None:
        ours, theirs = socket.socketpair()
        environment = {
            **os.environ,
            "PYTHONPATH": str(SOURCE),
            "LONGFORM_ENGINE_FD": str(theirs.fileno()),
            "LONGFORM_AGENT_PID": str(os.getpid()),
            "OMP_NUM_THREADS": "1",
            "HF_HUB_OFFLINE": "1",
            "TOKENIZERS_PARALLELISM": "false",
        }
        command = [sys.executable, "-m", "longform_worker.engines"]
        self.child = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=environment, start_new_session=True)
        theirs.close()
        super().__init__(ours)
        self.send("job", job_id="job", kind="generation", job=job)

    def wait(self) -> int:
        """The exit code, negative for a signal."""
        return self.child.wait(PATIENCE_SECONDS)

    def end(self) -> None:
        if self.child.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait(PATIENCE_SECONDS)
        self.hang_up()


@contextmanager
def process(job: dict[str, Any]) -> Generator[Process]:
    """An engine process that is gone afterwards."""
    engine = Process(job)
    try:
        yield engine
    finally:
        engine.end()


@contextmanager
def thread(job: dict[str, Any]) -> Generator[Agent]:
    """The same loop over the same frames on a thread of this process, where libraries are loaded already."""
    ours, theirs = socket.socketpair()
    agent = Agent(ours)

    def run() -> None:
        link = EngineLink(theirs)
        with suppress(LinkClosed):
            try:
                link.send("done", **serve.run(read_record(GenerationJob, job, "generation"), link))
            except EngineFailure as failure:
                link.send("failed", **failure.fields())

    runner = threading.Thread(target=run)
    runner.start()
    try:
        yield agent
    finally:
        agent.hang_up()
        runner.join(PATIENCE_SECONDS)
        theirs.close()
