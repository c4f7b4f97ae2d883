"""The processes of one job on this node: they begin together, and when one fails all end."""

import asyncio
from collections.abc import Callable, Sequence

from longform_worker.agent.codec import failure_message
from longform_worker.agent.engine_log import Line
from longform_worker.agent.limits import DEFAULT_GRACE_MS, PEER_WORDS_MS
from longform_worker.agent.process import EngineStart
from longform_worker.agent.rank import Rank
from longform_worker.failure import EngineFailure
from longform_worker.gen.event_pb2 import JobEvent
from longform_worker.gen.failure_pb2 import FAILURE_CODE_PREEMPTED
from longform_worker.wire import Frame


class Group:
    """The ranks of a job; most jobs have one.

    The first speaks for all: ``hear`` gets its frames, and its result is the job's. ``show`` gets what each of them
    prints, that of the others behind their number.
    """

    def __init__(
        self,
        starts: Sequence[EngineStart],
        *,
        hear: Callable[[Frame], None],
        show: Callable[[list[Line]], None],
    ) -> None:
        self._trouble = asyncio.Event()
        self._wanted_end: EngineFailure | None = None

        def behind_number(start: EngineStart) -> Callable[[list[Line]], None]:
            prefix = "" if start.place is None else f"[rank {start.place.rank}] "
            return lambda lines: show([(stream, prefix + text) for stream, text in lines])

        self.speaker = Rank(starts[0], hear=hear, show=show, trouble=self._trouble.set)
        self._ranks = [
            self.speaker,
            *(Rank(start, hear=unheard, show=behind_number(start), trouble=self._trouble.set) for start in starts[1:]),
        ]

    def stop(self, why: EngineFailure, grace_seconds: float) -> None:
        """Asks every process to end, and ends it after the grace."""
        self._wanted_end = self._wanted_end or why
        for rank in self._ranks:
            rank.stop(grace_seconds)

    async def run(self, first: Frame) -> JobEvent:
        """Runs all of them to their end; returns how the job ended."""
        running = {asyncio.create_task(rank.run(first)) for rank in self._ranks}
        trouble = asyncio.create_task(self._trouble.wait())
        everyone = asyncio.gather(*running)
        await asyncio.wait({everyone, trouble}, return_when=asyncio.FIRST_COMPLETED)
        if not everyone.done():
            # What broke one mostly breaks the others too, and each has its own words for it.
            await asyncio.wait(running, timeout=PEER_WORDS_MS / 1000)
        if self._wanted_end is None:
            for rank in self._ranks:
                if not rank.told:
                    rank.stop(DEFAULT_GRACE_MS / 1000)
        await everyone
        trouble.cancel()
        return self._last_event()

    def _last_event(self) -> JobEvent:
        """The result of the first rank when all are done; else the first cause, or the wish to end."""
        ends = [(rank, rank.last) for rank in self._ranks if rank.last is not None]
        failed = [(rank, last) for rank, last in ends if last.HasField("failed")]
        if not failed:
            return ends[0][1]
        told = self.speaker.last
        if told is not None and told.failed.code == FAILURE_CODE_PREEMPTED:
            # All was saved: the wish to end, or the end of the others, adds nothing.
            return told
        causes = [(rank, last) for rank, last in failed if is_cause(rank, last)]
        rank, last = min(causes or failed, key=lambda end: end[0].ended_at)
        facts = {} if rank.number is None else {"rank": str(rank.number)}
        if self._wanted_end is not None:
            rank, last, facts = self.speaker, JobEvent(failed=failure_message(self._wanted_end)), {}
        survivors = [pid for each in self._ranks for pid in each.survivors]
        if survivors:
            facts["survivors"] = ",".join(map(str, survivors))
        if rank.tail():
            facts["log_tail"] = rank.tail()
        for name, value in facts.items():
            last.failed.facts[name] = value
        return last


def is_cause(rank: Rank, last: JobEvent) -> bool:
    """Whether a failure may be why the others failed: it is no victim of theirs, and nobody asked for it."""
    return last.failed.facts.get("collective") != "true" and not rank.stopped


def unheard(_: Frame) -> None:
    """All but the first rank say nothing that the first does not say."""
