"""A real agent process, a runner that only takes registrations, and a client for both."""

import itertools
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from types import TracebackType
from typing import Any, Protocol, Self

import grpc

from longform_worker.agent.process import RUN_COOKIE_VARIABLE, marked
from longform_worker.gen.dataset_pb2 import RESIZE_RULE_KEEP_ASPECT, ImportJob, VisionPolicy
from longform_worker.gen.event_pb2 import JobEvent
from longform_worker.gen.generation_pb2 import (
    ENGINE_KIND_SCRIPTED,
    GenerateReply,
    GenerateRequest,
    GenerationJob,
    Sampling,
)
from longform_worker.gen.runner_pb2 import RegisterAgentReply, RegisterAgentRequest
from longform_worker.gen.runner_pb2_grpc import (
    RunnerServiceServicer,
    add_RunnerServiceServicer_to_server,  # pyright: ignore[reportUnknownVariableType]
)
from longform_worker.gen.training_pb2 import PRECISION_FLOAT32, PROMPT_LAYOUT_IMAGES_FIRST
from longform_worker.gen.worker_pb2 import (
    CancelJobRequest,
    HandshakeReply,
    HandshakeRequest,
    ShutdownRequest,
    StartJobRequest,
    WatchJobRequest,
)
from longform_worker.gen.worker_pb2_grpc import WorkerServiceStub

HERE = Path(__file__).parent
SOURCE = HERE.parent.parent / "src"
POLICY = VisionPolicy(
    resize=RESIZE_RULE_KEEP_ASPECT,
    min_pixels=784,
    max_pixels=12544,
    grid_multiple=28,
    background="#ffffff",
    max_images=4,
)
DEADLINE_SECONDS = 20.0
PREEMPTION_GRACE_MS = 120000

# What a method of a generated stub gives: the stubs have no types.
Reply = Any


def wait_until(holds: Callable[[], object], what: str, seconds: float = DEADLINE_SECONDS) -> None:
    """Waits for a condition; fails with its name."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.01)


class Watch(Protocol):
    """A stream of events."""

    def __iter__(self) -> Iterator[JobEvent]: ...
    def __next__(self) -> JobEvent: ...
    def cancel(self) -> None: ...


class Runner(RunnerServiceServicer):
    """A runner's registration desk on a unix socket."""

    def __init__(self, folder: Path, epoch: int) -> None:
        self.epoch = epoch
        self.registrations: Queue[tuple[RegisterAgentRequest, dict[str, Any]]] = Queue()
        self.address = f"unix:{folder}/runner.sock"
        self._server = grpc.server(ThreadPoolExecutor(2))
        add_RunnerServiceServicer_to_server(self, self._server)
        self._server.add_insecure_port(self.address)
        self._server.start()

    def RegisterAgent(self, request: RegisterAgentRequest, context: grpc.ServicerContext) -> RegisterAgentReply:  # noqa: N802
        self.registrations.put((request, dict(context.invocation_metadata())))
        return RegisterAgentReply(epoch=self.epoch)

    def close(self) -> None:
        self._server.stop(0).wait()


class Agent:
    """One agent; leaving the block ends it and checks that nothing of the run is left."""

    def __init__(self, *, python: str = "", orphan_grace_ms: int = 60_000, **variables: str) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="lf-")
        self.folder = Path(self._temporary.name)
        self.cookie = secrets.token_hex(8)
        self.token = secrets.token_hex(16)
        self.epoch = 5
        self.runner = Runner(self.folder, self.epoch)
        token_file = self.folder / "token"
        token_file.touch(0o600)
        token_file.write_text(self.token)
        self.variables = {
            **os.environ,
            "PYTHONPATH": str(SOURCE),
            "PYTHONWARNINGS": "error",
            "LONGFORM_RUNNER_ADDRESS": self.runner.address,
            "LONGFORM_TOKEN_FILE": str(token_file),
            "LONGFORM_AGENT_ID": "agent-0",
            "LONGFORM_EPOCH": str(self.epoch),
            RUN_COOKIE_VARIABLE: self.cookie,
            "LONGFORM_AGENT_LISTEN": f"unix:{self.folder}/agent.sock",
            "LONGFORM_ORPHAN_GRACE_MS": str(orphan_grace_ms),
            "LONGFORM_ENVIRONMENTS": json.dumps(
                {"train": python or self.script(), "real": sys.executable, "gone": "/nowhere/python"}
            ),
            **variables,
        }
        self.prefix: list[str] = []
        self._numbers = itertools.count(1)

    def script(self, body: str = "") -> str:
        """An "interpreter" that runs the engine for tests, or the given shell lines."""
        path = self.folder / f"python-{secrets.token_hex(4)}"
        path.write_text(f"#!/bin/sh\n{body or f'exec {sys.executable} {HERE}/engine_program.py'}\n")
        path.chmod(0o755)
        return str(path)

    def __enter__(self) -> Self:
        self.stderr = (self.folder / "agent.log").open("wb")
        self.process = subprocess.Popen(
            [*self.prefix, sys.executable, "-m", "longform_worker.agent"],
            env=self.variables,
            stdin=subprocess.DEVNULL,
            stderr=self.stderr,
        )
        request, self.registration_metadata = self.runner.registrations.get(timeout=DEADLINE_SECONDS)
        self.registration = request
        self.channel: Any = grpc.insecure_channel(request.address)
        self.stub: Any = WorkerServiceStub(self.channel)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.channel.close()
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(DEADLINE_SECONDS)
        finally:
            self.process.kill()
            self.process.wait()
            self.runner.close()
            self.stderr.close()
            log = self.log()
            left = marked(RUN_COOKIE_VARIABLE, self.cookie)
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            self._temporary.cleanup()
        if kind is not None:
            sys.stderr.write(log)
        assert not left, f"processes of the run are left: {left}"
        assert "Traceback" not in log, log

    def log(self) -> str:
        """What the agent printed."""
        return (self.folder / "agent.log").read_text()

    def metadata(self, *, epoch: int = 0, token: str = "") -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {token or self.token}"), ("longform-epoch", str(epoch or self.epoch)))

    def call(self, name: str, request: object, *, epoch: int = 0, token: str = "") -> Reply:
        metadata = self.metadata(epoch=epoch, token=token)
        return getattr(self.stub, name)(request, metadata=metadata, timeout=DEADLINE_SECONDS)

    def handshake(self, *, epoch: int = 0, token: str = "") -> HandshakeReply:
        return self.call("Handshake", HandshakeRequest(runner_version="1"), epoch=epoch, token=token)

    def request(self, behaviour: str, job_id: str = "", environment: str = "train") -> StartJobRequest:
        """An import job whose engine behaves as named."""
        job_id = job_id or f"job-{next(self._numbers)}"
        job = ImportJob(
            source_rows_path=behaviour, rows_path="/rows", image_root="", blob_root="/blobs", vision_policy=POLICY
        )
        request = StartJobRequest(job_id=job_id, environment=environment, log_path=self.log_path(job_id), threads=1)
        request.preemption_grace_ms = PREEMPTION_GRACE_MS
        getattr(request, "import").CopyFrom(job)
        return request

    def start(self, behaviour: str, environment: str = "train") -> str:
        """Starts such a job; returns its id."""
        request = self.request(behaviour, environment=environment)
        assert self.call("StartJob", request).started
        return request.job_id

    def start_generation(self) -> str:
        """Starts a generation that echoes; returns its id when it is ready."""
        job_id = f"job-{next(self._numbers)}"
        job = GenerationJob(
            engine=ENGINE_KIND_SCRIPTED,
            model_path="/script",
            blob_root="/blobs",
            vision_policy=POLICY,
            prompt_layout=PROMPT_LAYOUT_IMAGES_FIRST,
            precision=PRECISION_FLOAT32,
            max_batch_sequences=4,
            max_tokens=100,
        )
        request = StartJobRequest(
            job_id=job_id,
            environment="train",
            log_path=self.log_path(job_id),
            threads=1,
            preemption_grace_ms=PREEMPTION_GRACE_MS,
            generation=job,
        )
        assert self.call("StartJob", request).started
        self.wait_for(job_id, "ready")
        return job_id

    def log_path(self, job_id: str) -> str:
        return str(self.folder / "logs" / job_id)

    def engine_log(self, job_id: str) -> bytes:
        return Path(self.log_path(job_id), "engine.log").read_bytes()

    def watch(self, job_id: str, after: int = 0, epoch: int = 0) -> "Watch":
        """The stream of a job's events."""
        return self.call("WatchJob", WatchJobRequest(job_id=job_id, after_seq=after), epoch=epoch)

    def events(self, job_id: str, after: int = 0) -> list[JobEvent]:
        """All events of a job to its end."""
        return list(self.watch(job_id, after))

    def outcome(self, behaviour: str, environment: str = "train") -> JobEvent:
        """Starts a job and returns the event that ends it."""
        return self.events(self.start(behaviour, environment))[-1]

    def wait_for(self, job_id: str, kind: str) -> JobEvent:
        """The first event of a kind."""
        stream = self.watch(job_id)
        try:
            return next(event for event in stream if event.WhichOneof("what") == kind)
        finally:
            stream.cancel()

    def cancel(self, job_id: str, grace_ms: int = 5000) -> bool:
        return self.call("CancelJob", CancelJobRequest(job_id=job_id, grace_ms=grace_ms)).was_running

    def shutdown(self, grace_ms: int) -> None:
        self.call("Shutdown", ShutdownRequest(grace_ms=grace_ms))


class Conversation:
    """One Generate stream, written by hand."""

    def __init__(self, agent: Agent, job_id: str) -> None:
        self._job_id = job_id
        self._requests: Queue[GenerateRequest | None] = Queue()
        self.stream: Any = agent.stub.Generate(
            iter(self._requests.get, None), metadata=agent.metadata(), timeout=DEADLINE_SECONDS
        )

    def ask(self, request_id: str, prompt: str) -> None:
        sampling = Sampling(temperature=0, top_p=1, top_k=0, max_tokens=9, min_tokens=0, seed=1)
        self._requests.put(
            GenerateRequest(job_id=self._job_id, request_id=request_id, prompt=prompt, sampling=sampling)
        )

    def send(self, request: GenerateRequest) -> None:
        self._requests.put(request)

    def half_close(self) -> None:
        self._requests.put(None)

    def replies(self) -> Iterator[GenerateReply]:
        return iter(self.stream)

    def until_finished(self, request_id: str) -> GenerateReply:
        return next(r for r in self.stream if r.request_id == request_id and r.WhichOneof("what") == "finished")

    def break_off(self) -> None:
        """Drops the stream, as a runner that dies does."""
        self.stream.cancel()
        self._requests.put(None)
