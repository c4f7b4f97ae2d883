"""Replies of a generation engine on their way to the stream that is attached at the moment."""

import asyncio
from collections import deque

import grpc

from longform_worker.gen.generation_pb2 import GenerateReply

# Status and detail that a stream ends with; None for a good end.
StreamEnd = tuple[grpc.StatusCode, str] | None


class ReplyQueue:
    """Replies for one stream. A slow reader gets longer deltas, so what waits is bounded by the texts themselves
    and the engine never waits."""

    def __init__(self) -> None:
        self.end: StreamEnd = None
        self._closed = False
        self._waiting: deque[GenerateReply] = deque()
        self._deltas: dict[str, GenerateReply] = {}
        self._more = asyncio.Event()

    def put(self, reply: GenerateReply) -> None:
        """Adds a reply; a delta joins the one of its request that still waits."""
        request_id = reply.request_id
        is_delta = reply.WhichOneof("what") == "delta"
        waiting = self._deltas.get(request_id)
        if is_delta and waiting is not None:
            waiting.delta.text += reply.delta.text
            waiting.delta.tokens = reply.delta.tokens
            return
        if is_delta:
            self._deltas[request_id] = reply
        self._waiting.append(reply)
        self._more.set()

    def close(self, end: StreamEnd) -> None:
        """Nothing more comes; what waits is still handed out. The first end stands."""
        if not self._closed:
            self._closed = True
            self.end = end
        self._more.set()

    async def next(self) -> GenerateReply | None:
        """The next reply; None at the end."""
        while not self._waiting:
            if self._closed:
                return None
            self._more.clear()
            await self._more.wait()
        reply = self._waiting.popleft()
        if self._deltas.get(reply.request_id) is reply:
            del self._deltas[reply.request_id]
        return reply
