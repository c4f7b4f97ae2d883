"""One job from its engine's start to the one event that ends it."""

import asyncio
import logging
import signal

import grpc

from longform_worker.agent.bridge import ReplyQueue, StreamEnd
from longform_worker.agent.codec import Hole, event_of, failure_message, reply_of
from longform_worker.agent.engine_log import Line
from longform_worker.agent.exit_reason import EngineEnd, reason
from longform_worker.agent.jobs import EventLog
from longform_worker.agent.limits import ENGINE_EXIT_GRACE_MS, OUTPUT_DRAIN_MS, SWEEP_MS
from longform_worker.agent.live import Live
from longform_worker.agent.process import Engine, EngineStart
from longform_worker.failure import EngineFailure
from longform_worker.gen.event_pb2 import JobEvent
from longform_worker.wire import BadFrame, Frame

LOGGER = logging.getLogger("longform.agent")

# The result in JobDone that a kind of job ends with.
RESULTS = {
    "import": "imported",
    "model": "made",
    "training": "trained",
    "generation": "generated",
    "audit": "audited",
    "read": "read",
    "fetch": "fetched",
}


class Job:
    """A job and its engine. ``run`` is started once; it always ends the event log."""

    def __init__(self, job_id: str, live: Live) -> None:
        self.job_id = job_id
        self.kind = ""
        self.events = EventLog(job_id)
        self._live = live
        self._engine: Engine | None = None
        self._started = asyncio.Event()
        self._wanted_end: EngineFailure | None = None
        self._grace_seconds = 0.0
        self._told_end: JobEvent | None = None
        self._said_anything = False
        self._killing = asyncio.Event()
        self._replies: ReplyQueue | None = None
        self._late_end: asyncio.Task[None] | None = None

    async def run(self, start: EngineStart, first: Frame) -> None:
        """Starts the engine, hands it the job and turns what it says into events."""
        self.kind = first["kind"]
        try:
            last = await self._drive(start, first)
        except EngineFailure as failure:
            last = JobEvent(failed=failure_message(failure))
        except Exception as error:
            LOGGER.exception("job %s", self.job_id)
            last = JobEvent(failed=failure_message(EngineFailure("internal", f"{type(error).__name__}: {error}")))
        self.end(last)

    def end(self, last: JobEvent) -> None:
        """Ends the job with its last event."""
        self.events.append(last)
        self._started.set()
        if self._replies is not None:
            self._replies.close(self._stream_end(last))

    def fail(self, failure: EngineFailure) -> None:
        """Ends a job that never started."""
        self.end(JobEvent(failed=failure_message(failure)))

    def cancel(self, why: EngineFailure, grace_seconds: float) -> bool:
        """Asks the engine to end, and ends it after the grace. False when the job had ended."""
        if self.events.ended.is_set():
            return False
        self._wanted_end = self._wanted_end or why
        self._grace_seconds = grace_seconds
        self._stop_engine()
        return True

    def attach(self) -> ReplyQueue:
        """A queue that gets all replies from now on; the one before it ends."""
        self.take_over((grpc.StatusCode.ABORTED, "another stream of this job took over"))
        self._replies = ReplyQueue()
        if self.events.ended.is_set():
            self._replies.close((grpc.StatusCode.ABORTED, "the job has ended"))
        return self._replies

    def detach(self, queue: ReplyQueue) -> None:
        """Replies have nowhere to go until the next stream; the runner then asks again."""
        if self._replies is queue:
            self._replies = None

    def take_over(self, end: StreamEnd) -> None:
        """Ends the streams of whoever was here before."""
        if self._replies is not None:
            self._replies.close(end)
        self.events.wake()

    async def send(self, frame: Frame) -> None:
        """Sends a frame to the engine, once there is one; to an engine that is gone it is lost."""
        await self._started.wait()
        if self._engine is not None:
            await self._engine.send(frame)

    async def _drive(self, start: EngineStart, first: Frame) -> JobEvent:
        engine = await Engine.start(start, self._print)
        self._engine = engine
        self._started.set()
        if self._wanted_end is not None:
            self._stop_engine()
        reading = asyncio.create_task(self._read(engine))
        await engine.send(first)
        ended = asyncio.create_task(engine.ended())
        if not await self._wait_for_end(ended):
            reading.cancel()
            self._late_end = asyncio.create_task(clear_late(engine, ended))
            return self._last_event(None, engine, [engine.pid], start)
        end, survivors = await engine.clear()
        # Everything it sent before its end is in the socket; only a survivor could keep it open.
        await asyncio.wait({reading}, timeout=OUTPUT_DRAIN_MS / 1000)
        reading.cancel()
        return self._last_event(end, engine, survivors, start)

    async def _wait_for_end(self, ended: asyncio.Task[None]) -> bool:
        """Whether the process has ended; False when it survives SIGKILL, as one stuck in a driver does."""
        killing = asyncio.create_task(self._killing.wait())
        await asyncio.wait({ended, killing}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({ended}, timeout=SWEEP_MS / 1000)
        killing.cancel()
        return ended.done()

    async def _read(self, engine: Engine) -> None:
        """Takes frames until the engine lets go of its end, then gives it time to leave."""
        try:
            while (frame := await engine.receive()) is not None:
                self._said_anything = True
                self._take(frame)
        except (Hole, BadFrame) as error:
            self._told_end = JobEvent(
                failed=failure_message(EngineFailure("internal", f"the engine sent what it may not: {error}"))
            )
            self._kill()
            return
        self._kill_after(ENGINE_EXIT_GRACE_MS / 1000)

    def _take(self, frame: Frame) -> None:
        kind = frame["type"]
        if kind == "live":
            self._live.publish(self.job_id, frame)
            return
        if self._told_end is not None:
            raise Hole("type", f"{kind!r} after the end", "nothing")
        if kind == "reply" and self.kind == "generation":
            reply = reply_of(frame)
            if self._replies is not None:
                self._replies.put(reply)
            return
        event = event_of(frame)
        if kind in ("done", "failed"):
            if kind == "done" and event.done.WhichOneof("result") != RESULTS[self.kind]:
                raise Hole("done", str(event.done.WhichOneof("result")), RESULTS[self.kind])
            self._told_end = event
            self._kill_after(ENGINE_EXIT_GRACE_MS / 1000)
            return
        if kind == "step":
            self._live.publish(self.job_id, frame)
        self.events.append(event)

    def _print(self, lines: list[Line]) -> None:
        for stream, text in lines:
            self.events.append_line(stream, text)

    def _stop_engine(self) -> None:
        if self._engine is not None:
            self._engine.signal_group(signal.SIGTERM)
            self._kill_after(self._grace_seconds)

    def _kill_after(self, seconds: float) -> None:
        asyncio.get_running_loop().call_later(seconds, self._kill)

    def _kill(self) -> None:
        if self._engine is not None and not self.events.ended.is_set():
            self._engine.signal_group(signal.SIGKILL)
            self._killing.set()

    def _last_event(self, end: EngineEnd | None, engine: Engine, survivors: list[int], start: EngineStart) -> JobEvent:
        """What the job ends with: its result, else the wish to end, else what the engine said, else its exit."""
        told = self._told_end
        if told is not None and told.HasField("done"):
            return told
        facts: dict[str, str] = {}
        if survivors:
            facts["survivors"] = ",".join(map(str, survivors))
        if engine.log.tail():
            facts["log_tail"] = engine.log.tail()
        if self._wanted_end is not None:
            last = JobEvent(failed=failure_message(self._wanted_end))
        elif told is not None:
            last = told
        elif end is not None:
            why = reason(end, start.environment, start.python, said_anything=self._said_anything)
            last = JobEvent(failed=failure_message(why))
        else:
            last = JobEvent(failed=failure_message(EngineFailure("internal", "the engine survives SIGKILL")))
        for name, value in facts.items():
            last.failed.facts[name] = value
        return last

    def _stream_end(self, last: JobEvent) -> StreamEnd:
        if last.HasField("done"):
            return None
        return grpc.StatusCode.ABORTED, f"the job has ended: {last.failed.detail}"


async def clear_late(engine: Engine, ended: asyncio.Task[None]) -> None:
    """Clears up after a process that outlived its job, whenever it ends."""
    await ended
    await engine.clear()
