"""WorkerService: what a runner may ask of this agent."""

# ruff: noqa: N802 - the proto names the methods
import asyncio
import os
import platform
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc

import longform_worker
from longform_worker.agent.admission import EPOCH_KEY, Contact, Fence
from longform_worker.agent.codec import Hole, job_frame, job_kinds, request_frame
from longform_worker.agent.environments import Environments
from longform_worker.agent.live import Live
from longform_worker.agent.place import LOOPBACK_ADDRESS, free_port, places_of
from longform_worker.agent.process import EngineStart
from longform_worker.agent.supervise import Job
from longform_worker.failure import EngineFailure
from longform_worker.gen.event_pb2 import JobEvent
from longform_worker.gen.generation_pb2 import GenerateRequest
from longform_worker.gen.worker_pb2 import (
    CancelJobReply,
    CancelJobRequest,
    HandshakeReply,
    HandshakeRequest,
    OfferRendezvousReply,
    OfferRendezvousRequest,
    Rendezvous,
    ShutdownReply,
    ShutdownRequest,
    StartJobReply,
    StartJobRequest,
    WatchJobRequest,
)
from longform_worker.gen.worker_pb2_grpc import WorkerServiceServicer

Context = grpc.aio.ServicerContext[Any, Any]

# A broken stream looks like a half-closed one until its cancellation arrives, a moment later.
HALF_CLOSE_SETTLE_SECONDS = 0.25

CANCELLED = "the runner cancelled the job"


class Worker(WorkerServiceServicer):
    """The jobs of this agent. Methods run in the event loop and wait for nothing but their own streams.

    address: this node's, as the processes of jobs on other nodes reach it.
    """

    def __init__(
        self, *, address: str, run_cookie: str, environments: Environments, fence: Fence, contact: Contact, live: Live
    ) -> None:
        self._address = address
        self._run_cookie = run_cookie
        self._environments = environments
        self._fence = fence
        self._contact = contact
        self._live = live
        self._jobs: dict[str, Job] = {}
        self._running: set[asyncio.Task[None]] = set()
        self.shutdown_asked = asyncio.Event()
        fence.on_raise = self._replaced

    async def Handshake(self, request: HandshakeRequest, context: Context) -> HandshakeReply:
        """Who is here, what can be started."""
        return HandshakeReply(
            worker_version=longform_worker.__version__,
            host=platform.node(),
            pid=os.getpid(),
            epoch=self._fence.epoch,
            environments=await self._environments.reports(),
            jobs=job_kinds(),
            live_endpoint=self._live.endpoint,
        )

    async def OfferRendezvous(self, request: OfferRendezvousRequest, context: Context) -> OfferRendezvousReply:
        """A place to meet on this node, for a job whose rank 0 will be here."""
        # An address that is reached over the network is bound on every interface.
        local = self._address == LOOPBACK_ADDRESS
        port = free_port(LOOPBACK_ADDRESS if local else "")
        return OfferRendezvousReply(rendezvous=Rendezvous(address=self._address, port=port))

    async def StartJob(self, request: StartJobRequest, context: Context) -> StartJobReply:
        """Starts a job. What is wrong with it is told as its event, so that a runner has one place to look."""
        if not request.job_id or not request.job_id.isprintable():
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "job_id: expected printable text")
        if request.job_id in self._jobs:
            return StartJobReply(started=False)
        job = Job(request.job_id, self._live)
        self._jobs[request.job_id] = job
        try:
            starts, first = self._engine_starts(request), job_frame(request)
        except EngineFailure as failure:
            job.fail(failure)
        else:
            task = asyncio.create_task(job.run(job.begin(starts), first), name=request.job_id)
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return StartJobReply(started=True)

    async def WatchJob(self, request: WatchJobRequest, context: Context) -> AsyncIterator[JobEvent]:
        """The events of a job."""
        job = await self._known(request.job_id, context)
        if not request.HasField("after_seq") or request.after_seq > job.events.last_seq:
            detail = f"after_seq: found {request.after_seq}, expected a number from 0 to {job.events.last_seq}"
            await context.abort(grpc.StatusCode.OUT_OF_RANGE, detail)
        epoch = epoch_of(context)
        with self._contact:
            async for event in job.events.after(request.after_seq, lambda: self._fence.epoch == epoch):
                event.epoch = epoch
                yield event
        if self._fence.epoch != epoch:
            await context.abort(*self._replacement())

    async def CancelJob(self, request: CancelJobRequest, context: Context) -> CancelJobReply:
        """Begins to end a job; its last event says that it has ended."""
        if not request.HasField("grace_ms"):
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "grace_ms: found nothing, expected milliseconds")
        job = self._jobs.get(request.job_id)
        was_running = job is not None and job.cancel(EngineFailure("user_cancel", CANCELLED), request.grace_ms / 1000)
        return CancelJobReply(was_running=was_running)

    async def Generate(self, request_iterator: AsyncIterator[GenerateRequest], context: Context) -> None:
        """Requests to one engine and its replies. A new stream takes over from the one before."""
        first = await context.read()
        if not isinstance(first, GenerateRequest):
            return
        job = await self._known(first.job_id, context)
        if job.kind != "generation":
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"job {job.job_id} is no generation")
        replies = job.attach()
        forwarding = asyncio.create_task(self._forward(first, context, job))

        def stop_on_error(task: asyncio.Task[None]) -> None:
            error = None if task.cancelled() else task.exception()
            if error is not None:
                replies.close((grpc.StatusCode.INVALID_ARGUMENT, str(error)))

        forwarding.add_done_callback(stop_on_error)
        try:
            with self._contact:
                while (reply := await replies.next()) is not None:
                    await context.write(reply)
        finally:
            forwarding.cancel()
            job.detach(replies)
        if replies.end is not None:
            await context.abort(*replies.end)

    async def Shutdown(self, request: ShutdownRequest, context: Context) -> ShutdownReply:
        """Ends all jobs, answers, and lets the agent end."""
        if not request.HasField("grace_ms"):
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "grace_ms: found nothing, expected milliseconds")
        await self.end_all(EngineFailure("user_cancel", "the runner ended this agent"), request.grace_ms / 1000)
        self.shutdown_asked.set()
        return ShutdownReply()

    async def end_all(self, why: EngineFailure, grace_seconds: float, *, preempted: bool = False) -> None:
        """Ends every job that runs and waits until nothing of them is left.

        preempted: trainings save a checkpoint first and have the time for it that their order names.
        """
        for job in self._jobs.values():
            saves = preempted and job.kind == "training"
            job.cancel(why, max(grace_seconds, job.preemption_grace_seconds if saves else 0.0))
        while self._running:
            await asyncio.wait(self._running)

    async def _forward(self, first: GenerateRequest, context: Context, job: Job) -> None:
        """Hands requests to the engine; a half-close by the runner closes it."""
        request: object = first
        while isinstance(request, GenerateRequest):
            if request.job_id != job.job_id:
                raise Hole("job_id", request.job_id, f"{job.job_id}: a stream belongs to one job")
            await job.send(request_frame(request))
            request = await context.read()
        await asyncio.sleep(HALF_CLOSE_SETTLE_SECONDS)
        await job.send({"type": "close"})

    def _engine_starts(self, request: StartJobRequest) -> list[EngineStart]:
        """Where and how the processes of a job run. Raises EngineFailure."""
        pythons = self._environments.pythons
        if request.environment not in pythons:
            known = ", ".join(pythons)
            raise EngineFailure(
                "environment_missing",
                f"this agent has no environment {request.environment!r}; it has {known}",
                field_path="environment",
                environment=request.environment,
                expected=known,
            )
        if not request.log_path.startswith("/"):
            raise refused_field("log_path", repr(request.log_path), "an absolute path")
        if request.threads == 0:
            raise refused_field("threads", "0 or nothing", "a whole number above zero")
        if not request.HasField("preemption_grace_ms"):
            raise refused_field("preemption_grace_ms", "nothing", "milliseconds")
        return [
            EngineStart(
                job_id=request.job_id,
                kind=request.WhichOneof("job") or "",
                environment=request.environment,
                python=pythons[request.environment],
                run_cookie=self._run_cookie,
                log_path=Path(request.log_path),
                threads=request.threads,
                preemption_grace_seconds=request.preemption_grace_ms / 1000,
                place=place,
            )
            for place in places_of(request) or (None,)
        ]

    async def _known(self, job_id: str, context: Context) -> Job:
        job = self._jobs.get(job_id)
        if job is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"this agent knows no job {job_id!r}")
            raise AssertionError  # abort raises; this line is for the type checker
        return job

    def _replaced(self) -> None:
        """A new runner is here: the streams of the old one end."""
        for job in self._jobs.values():
            job.take_over(self._replacement())

    def _replacement(self) -> tuple[grpc.StatusCode, str]:
        return grpc.StatusCode.FAILED_PRECONDITION, f"another runner holds this run, epoch {self._fence.epoch}"


def refused_field(path: str, found: str, expected: str) -> EngineFailure:
    """A field of StartJobRequest that cannot be used."""
    return EngineFailure(
        "spec_refused", f"{path}: found {found}, expected {expected}", field_path=path, found=found, expected=expected
    )


def epoch_of(context: Context) -> int:
    """The caller's epoch, which admission has checked."""
    metadata = dict(context.invocation_metadata() or ())
    return int(metadata[EPOCH_KEY])
