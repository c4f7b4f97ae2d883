"""What happened to each job: events numbered from 1 without gaps, kept for replay until the agent ends."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

from longform_worker.agent.limits import LOG_KEPT_BYTES
from longform_worker.failure import EngineFailure
from longform_worker.gen.event_pb2 import JobEvent, LogLine


class EventLog:
    """The events of one job. Any number of watchers, each at its own number and its own speed."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        self.ended = asyncio.Event()
        self._events: list[JobEvent] = []
        self._more = asyncio.Event()
        self._log_bytes = 0

    def append(self, event: JobEvent) -> None:
        """Numbers, dates and keeps an event. Nothing may follow "done" or "failed"."""
        if self.ended.is_set():
            raise EngineFailure("internal", f"an event after the end of job {self.job_id}")
        event.job_id = self.job_id
        event.seq = len(self._events) + 1
        event.time.FromNanoseconds(time.time_ns())
        self._events.append(event)
        if event.WhichOneof("what") in ("done", "failed"):
            self.ended.set()
        self.wake()

    def append_line(self, stream: str, text: str) -> None:
        """Keeps a printed line as an event, up to a bound on all of them; every line is in its file anyway."""
        if self._log_bytes > LOG_KEPT_BYTES:
            return
        self._log_bytes += len(text) + 1
        if self._log_bytes > LOG_KEPT_BYTES:
            text = "(further lines of this job are only in the files of its log)"
        self.append(JobEvent(log=LogLine(stream=stream, text=text)))

    @property
    def last_seq(self) -> int:
        """Number of the last event; 0 before the first."""
        return len(self._events)

    def wake(self) -> None:
        """Has every watcher look again whether it may go on."""
        self._more.set()
        self._more = asyncio.Event()

    async def after(self, seq: int, may_go_on: Callable[[], bool]) -> AsyncIterator[JobEvent]:
        """The events after a number, then the new ones as they come, until the one that ends the job."""
        while may_go_on():
            more = self._more
            if seq < len(self._events):
                yield self._events[seq]
                seq += 1
            elif self.ended.is_set():
                return
            else:
                await more.wait()
