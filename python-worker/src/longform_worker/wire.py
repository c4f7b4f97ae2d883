"""Messages between the worker agent and one engine, over a socketpair.

A frame is a 4-byte big-endian length and that many bytes of UTF-8 JSON: one object with "type".

Agent to engine: {"type": "job", "job_id", "kind", "job"} first; then, for a generation,
{"type": "request", ...GenerateRequest} any number of times and {"type": "close"}.
Engine to agent: {"type": NAME, ...} where NAME is a field of the oneof ``JobEvent.what`` and the rest are
the fields of its message; {"type": "reply", ...GenerateReply}; {"type": "live", ...anything}, which may be lost.

Names are the proto's, enums are full proto names, numbers are finite.
"""

import json
import os
import select
import socket
import struct
import threading
import time
from typing import Any, Literal, cast, overload

Frame = dict[str, Any]
PhaseName = Literal["starting", "loading", "planning", "running", "saving"]

# JSON of the largest message the agent may be sent, with room for escapes.
FRAME_LIMIT_BYTES = 64 * 1024 * 1024
ENGINE_FD_VARIABLE = "LONGFORM_ENGINE_FD"
AGENT_PID_VARIABLE = "LONGFORM_AGENT_PID"
LENGTH = struct.Struct(">I")


class LinkClosed(EOFError):
    """The other side is gone."""


class BadFrame(ValueError):
    """The bytes are no frame: too long, no JSON, or no object with a "type"."""


def encode(frame: Frame) -> bytes:
    """The bytes of one frame. Raises ValueError for NaN or infinity, TypeError for what JSON cannot hold."""
    body = json.dumps(frame, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8")
    if len(body) > FRAME_LIMIT_BYTES:
        raise BadFrame(f'a frame of type "{frame.get("type")}" has {len(body)} bytes, limit {FRAME_LIMIT_BYTES}')
    return LENGTH.pack(len(body)) + body


def body_length(header: bytes) -> int:
    """Bytes that follow a header."""
    (length,) = LENGTH.unpack(header)
    if length > FRAME_LIMIT_BYTES:
        raise BadFrame(f"a frame announces {length} bytes, limit {FRAME_LIMIT_BYTES}")
    return length


def decode(body: bytes) -> Frame:
    """The frame in a body."""
    try:
        frame: object = json.loads(body)
    except ValueError as error:
        raise BadFrame(f"a frame of {len(body)} bytes is no JSON: {error}") from error
    found = cast("Frame", frame) if isinstance(frame, dict) else {}
    if not isinstance(found.get("type"), str):
        raise BadFrame(f'a frame of {len(body)} bytes is no object with a "type"')
    return found


class EngineLink:
    """The engine's end. ``send`` may be called from any thread, ``receive`` from one at a time."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._received = bytearray()

    @classmethod
    def from_environment(cls) -> "EngineLink":
        """The link whose file descriptor the agent put into the environment; programs started later do not get it."""
        connection = socket.socket(fileno=int(os.environ.pop(ENGINE_FD_VARIABLE)))
        connection.set_inheritable(False)
        return cls(connection)

    def __enter__(self) -> "EngineLink":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def send(self, type_: str, /, **fields: object) -> None:
        """Sends one frame; blocks until the kernel has it."""
        self.send_bytes(encode({**fields, "type": type_}))

    def send_bytes(self, data: bytes) -> None:
        """Sends bytes as they are: one frame, or what a test of the other side wants to be none."""
        with self._sending:
            try:
                self._connection.sendall(data)
            except (BrokenPipeError, ConnectionResetError) as error:
                raise LinkClosed("the agent is gone") from error

    def phase(self, name: PhaseName) -> None:
        """Tells that a phase begins."""
        self.send("phase", phase=f"PHASE_{name.upper()}", pid=os.getpid())

    def live(self, **fields: object) -> None:
        """Sends something to whoever watches; it may be lost and is kept nowhere."""
        self.send("live", **fields)

    @overload
    def receive(self, timeout_seconds: None = None) -> Frame: ...

    @overload
    def receive(self, timeout_seconds: float) -> Frame | None: ...

    def receive(self, timeout_seconds: float | None = None) -> Frame | None:
        """The next frame; None when none is complete in time (0 only looks). Raises LinkClosed at the end."""
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        while True:
            frame = self._take()
            if frame is not None:
                return frame
            if deadline is not None and not self._readable(max(0.0, deadline - time.monotonic())):
                return None
            try:
                chunk = self._connection.recv(1 << 16)
            except ConnectionResetError:
                chunk = b""
            if not chunk:
                raise LinkClosed("the agent is gone")
            self._received += chunk

    def _readable(self, timeout_seconds: float) -> bool:
        # poll, not select: descriptors above 1023 are common in engines with many files open.
        poll = select.poll()
        poll.register(self._connection, select.POLLIN)
        return bool(poll.poll(timeout_seconds * 1000))

    def _take(self) -> Frame | None:
        if len(self._received) < LENGTH.size:
            return None
        end = LENGTH.size + body_length(bytes(self._received[: LENGTH.size]))
        if len(self._received) < end:
            return None
        body = bytes(self._received[LENGTH.size : end])
        del self._received[:end]
        return decode(body)
