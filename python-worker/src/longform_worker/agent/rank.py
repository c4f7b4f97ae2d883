"""One process of a job, from its start to the event that says how it ended."""

import asyncio
import logging
import math
import signal
from collections.abc import Callable

from longform_worker.agent.codec import Hole, event_of, failure_message
from longform_worker.agent.engine_log import Line
from longform_worker.agent.exit_reason import EngineEnd, reason
from longform_worker.agent.limits import ENGINE_EXIT_GRACE_MS, OUTPUT_DRAIN_MS, SWEEP_MS
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


class Rank:
    """A process of a job. ``run`` is started once; after it ``last`` is how this process ended: done or failed.

    hear: gets every frame but the last one.
    show: gets the lines that it prints.
    trouble: is called as soon as it is known that this process does not end well; maybe more than once.
    """

    def __init__(
        self,
        start: EngineStart,
        *,
        hear: Callable[[Frame], None],
        show: Callable[[list[Line]], None],
        trouble: Callable[[], None],
    ) -> None:
        self.number = start.place.rank if start.place is not None else None
        self.last: JobEvent | None = None
        # When it was first known how it ends, on the loop's clock.
        self.ended_at = math.inf
        # Whether the agent asked it to end: what it then ends with is no cause.
        self.stopped = False
        self.survivors: list[int] = []
        self._start = start
        self._hear = hear
        self._show = show
        self._trouble = trouble
        self._engine: Engine | None = None
        self._started = asyncio.Event()
        self._grace_seconds = 0.0
        self._told_end: JobEvent | None = None
        self._said_anything = False
        self._killing = asyncio.Event()
        self._late_end: asyncio.Task[None] | None = None

    async def run(self, first: Frame) -> None:
        """Starts the process, hands it the job and reads it to its end."""
        try:
            last = await self._drive(first)
        except EngineFailure as failure:
            last = JobEvent(failed=failure_message(failure))
        except Exception as error:
            LOGGER.exception("job %s", self._start.job_id)
            last = JobEvent(failed=failure_message(EngineFailure("internal", f"{type(error).__name__}: {error}")))
        self.last = last
        self._started.set()
        if last.HasField("failed"):
            self._happened()
            self._trouble()

    @property
    def told(self) -> bool:
        """Whether it is known how this process ends."""
        return self.last is not None or self._told_end is not None

    def stop(self, grace_seconds: float) -> None:
        """Asks the process to end, and ends it after the grace."""
        self.stopped = True
        self._grace_seconds = grace_seconds
        if self._engine is not None:
            self._engine.signal_group(signal.SIGTERM)
            self._kill_after(grace_seconds)

    async def send(self, frame: Frame) -> None:
        """Sends a frame to the process, once there is one; to one that is gone it is lost."""
        await self._started.wait()
        if self._engine is not None:
            await self._engine.send(frame)

    def tail(self) -> str:
        """The last lines that it printed."""
        return "" if self._engine is None else self._engine.log.tail()

    async def _drive(self, first: Frame) -> JobEvent:
        engine = await Engine.start(self._start, self._show)
        self._engine = engine
        self._started.set()
        if self.stopped:
            self.stop(self._grace_seconds)
        reading = asyncio.create_task(self._read(engine))
        await engine.send(first)
        ended = asyncio.create_task(engine.ended())
        if not await self._wait_for_end(ended):
            reading.cancel()
            self.survivors = [engine.pid]
            self._late_end = asyncio.create_task(clear_late(engine, ended))
            return self._last_event(None)
        self._happened()
        end, self.survivors = await engine.clear()
        # Everything it sent before its end is in the socket; only a survivor could keep it open.
        await asyncio.wait({reading}, timeout=OUTPUT_DRAIN_MS / 1000)
        reading.cancel()
        return self._last_event(end)

    async def _wait_for_end(self, ended: asyncio.Task[None]) -> bool:
        """Whether the process has ended; False when it survives SIGKILL, as one stuck in a driver does."""
        killing = asyncio.create_task(self._killing.wait())
        await asyncio.wait({ended, killing}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({ended}, timeout=SWEEP_MS / 1000)
        killing.cancel()
        return ended.done()

    async def _read(self, engine: Engine) -> None:
        """Takes frames until the process lets go of its end, then gives it time to leave."""
        try:
            while (frame := await engine.receive()) is not None:
                self._said_anything = True
                self._take(frame)
        except (Hole, BadFrame) as error:
            detail = f"the engine sent what it may not: {error}"
            self._told_end = JobEvent(failed=failure_message(EngineFailure("internal", detail)))
            self._happened()
            self._trouble()
            self._kill()
            return
        self._kill_after(ENGINE_EXIT_GRACE_MS / 1000)

    def _take(self, frame: Frame) -> None:
        kind = frame["type"]
        if self._told_end is not None and kind != "live":
            raise Hole("type", f"{kind!r} after the end", "nothing")
        if kind not in ("done", "failed"):
            self._hear(frame)
            return
        event = event_of(frame)
        result = RESULTS[self._start.kind]
        if kind == "done" and event.done.WhichOneof("result") != result:
            raise Hole("done", str(event.done.WhichOneof("result")), result)
        self._told_end = event
        self._happened()
        if kind == "failed":
            self._trouble()
        self._kill_after(ENGINE_EXIT_GRACE_MS / 1000)

    def _happened(self) -> None:
        self.ended_at = min(self.ended_at, asyncio.get_running_loop().time())

    def _kill_after(self, seconds: float) -> None:
        asyncio.get_running_loop().call_later(seconds, self._kill)

    def _kill(self) -> None:
        if self._engine is not None and self.last is None:
            self._engine.signal_group(signal.SIGKILL)
            self._killing.set()

    def _last_event(self, end: EngineEnd | None) -> JobEvent:
        """What this process ends with: what it said, else its exit."""
        if self._told_end is not None:
            return self._told_end
        if end is None:
            return JobEvent(failed=failure_message(EngineFailure("internal", "the engine survives SIGKILL")))
        start = self._start
        why = reason(end, start.environment, start.python, said_anything=self._said_anything)
        return JobEvent(failed=failure_message(why))


async def clear_late(engine: Engine, ended: asyncio.Task[None]) -> None:
    """Clears up after a process that outlived its job, whenever it ends."""
    await ended
    await engine.clear()
