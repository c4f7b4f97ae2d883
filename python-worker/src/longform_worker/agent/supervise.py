"""One job from the start of its processes to the one event that ends it."""

import logging
from collections.abc import Sequence

import grpc

from longform_worker.agent.bridge import ReplyQueue, StreamEnd
from longform_worker.agent.codec import event_of, failure_message, reply_of
from longform_worker.agent.engine_log import Line
from longform_worker.agent.group import Group
from longform_worker.agent.jobs import EventLog
from longform_worker.agent.live import Live
from longform_worker.agent.process import EngineStart
from longform_worker.failure import EngineFailure
from longform_worker.gen.event_pb2 import JobEvent
from longform_worker.wire import Frame

LOGGER = logging.getLogger("longform.agent")


class Job:
    """A job and its processes. ``run`` is started once; it always ends the event log."""

    def __init__(self, job_id: str, live: Live) -> None:
        self.job_id = job_id
        self.kind = ""
        self.preemption_grace_seconds = 0.0
        self.events = EventLog(job_id)
        self._live = live
        self._group: Group | None = None
        self._replies: ReplyQueue | None = None

    def begin(self, starts: Sequence[EngineStart]) -> Group:
        """The processes that the job will have; from here on it can be cancelled."""
        self.kind = starts[0].kind
        self.preemption_grace_seconds = starts[0].preemption_grace_seconds
        self._group = Group(starts, hear=self._hear, show=self._print)
        return self._group

    async def run(self, group: Group, first: Frame) -> None:
        """Starts the processes, hands them the job and turns what they say into events."""
        try:
            last = await group.run(first)
        except Exception as error:
            LOGGER.exception("job %s", self.job_id)
            last = JobEvent(failed=failure_message(EngineFailure("internal", f"{type(error).__name__}: {error}")))
        self.end(last)

    def end(self, last: JobEvent) -> None:
        """Ends the job with its last event."""
        self.events.append(last)
        if self._replies is not None:
            self._replies.close(self._stream_end(last))

    def fail(self, failure: EngineFailure) -> None:
        """Ends a job that never started."""
        self.end(JobEvent(failed=failure_message(failure)))

    def cancel(self, why: EngineFailure, grace_seconds: float) -> bool:
        """Asks the processes to end, and ends them after the grace. False when the job had ended."""
        if self._group is None or self.events.ended.is_set():
            return False
        self._group.stop(why, grace_seconds)
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
        if self._group is not None:
            await self._group.speaker.send(frame)

    def _hear(self, frame: Frame) -> None:
        """Takes a frame. Raises Hole."""
        kind = frame["type"]
        if kind == "live":
            self._live.publish(self.job_id, frame)
            return
        if kind == "reply" and self.kind == "generation":
            reply = reply_of(frame)
            if self._replies is not None:
                self._replies.put(reply)
            return
        event = event_of(frame)
        if kind == "step":
            self._live.publish(self.job_id, frame)
        self.events.append(event)

    def _print(self, lines: list[Line]) -> None:
        # One that survives SIGKILL may print after the end of its job: that is in its file alone.
        if self.events.ended.is_set():
            return
        for stream, text in lines:
            self.events.append_line(stream, text)

    def _stream_end(self, last: JobEvent) -> StreamEnd:
        if last.HasField("done"):
            return None
        return grpc.StatusCode.ABORTED, f"the job has ended: {last.failed.detail}"
