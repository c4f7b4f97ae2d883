"""What an engine prints: every byte into its log file, bounded lines for the events, the last lines for a failure."""

import codecs
import contextlib
import os
import selectors
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import BinaryIO

from longform_worker.agent.limits import (
    LOG_BURST_BYTES,
    LOG_BURST_LINES,
    LOG_BYTES_PER_SECOND,
    LOG_FOLD_INTERVAL_MS,
    LOG_LINE_MAX_BYTES,
    LOG_LINES_PER_SECOND,
    LOG_TAIL_LINE_BYTES,
    LOG_TAIL_LINES,
)

CHUNK_BYTES = 1 << 16
LOOK_SECONDS = 0.2

# Stream ("stdout", "stderr") and text of one line.
Line = tuple[str, str]


class LineCutter:
    """Cuts the text of one stream into lines.

    A line longer than the limit comes in pieces. Text that ends in a carriage return was overwritten in place (a
    progress bar): of its states one passes per interval, and the last one always.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._open = ""
        self._folded: str | None = None
        self._fold_shown_at = -1e9

    def feed(self, data: bytes, *, final: bool = False) -> list[str]:
        """The lines that these bytes complete; with ``final`` also what was left open."""
        lines: list[str] = []
        parts = (self._open + self._decoder.decode(data, final)).replace("\r\n", "\n").split("\n")
        # A carriage return at the very end may be half of a line end.
        self._open = parts.pop()
        for part in parts:
            lines += self._line(part)
        lines += self._unfinished()
        if final and (self._open or self._folded is not None):
            lines += self._line(self._open)
            self._open = ""
        return lines

    def _line(self, text: str) -> list[str]:
        """A whole line; of states overwritten in it only the last that shows anything."""
        last = last_state(text) or self._folded or ""
        self._folded = None
        return pieces(last)

    def _unfinished(self) -> list[str]:
        """Takes finished states and full pieces out of the open line, so that it stays short."""
        lines: list[str] = []
        body = self._open.removesuffix("\r")
        ending = self._open[len(body) :]
        head, mark, tail = body.rpartition("\r")
        if mark:
            self._folded = last_state(head) or self._folded
            self._open = tail + ending
            now = self._clock()
            if self._folded is not None and now - self._fold_shown_at >= LOG_FOLD_INTERVAL_MS / 1000:
                self._fold_shown_at = now
                lines += pieces(self._folded)
                self._folded = None
        if len(self._open) > LOG_LINE_MAX_BYTES and not ending:
            *full, self._open = pieces(self._open)
            lines += full
        return lines


def last_state(text: str) -> str | None:
    """The last text between carriage returns that shows anything."""
    return next((state for state in reversed(text.split("\r")) if state.strip()), None)


def pieces(text: str) -> list[str]:
    """The text in pieces of at most LOG_LINE_MAX_BYTES; an empty line is one piece."""
    if len(text) * 4 <= LOG_LINE_MAX_BYTES or len(text.encode("utf-8")) <= LOG_LINE_MAX_BYTES:
        return [text]
    # Four bytes are the most a character takes.
    width = LOG_LINE_MAX_BYTES if text.isascii() else LOG_LINE_MAX_BYTES // 4
    return [text[start : start + width] for start in range(0, len(text), width)]


class Allowance:
    """How much may pass now: a burst, refilled at a rate."""

    def __init__(self, burst: float, per_second: float, clock: Callable[[], float]) -> None:
        self._burst = burst
        self._per_second = per_second
        self._clock = clock
        self._left = burst
        self._at = clock()

    def refill(self) -> float:
        """What is left, after time has added to it."""
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._at) * self._per_second)
        self._at = now
        return self._left

    def spend(self, amount: float) -> None:
        """Takes something away."""
        self._left -= amount


class LineGate:
    """Lets lines pass within the allowances; says how many it held back, and in which file they are."""

    def __init__(self, file_name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._file_name = file_name
        self._bytes = Allowance(LOG_BURST_BYTES, LOG_BYTES_PER_SECOND, clock)
        self._lines = Allowance(LOG_BURST_LINES, LOG_LINES_PER_SECOND, clock)
        self._held = 0

    def passed(self, lines: list[Line], *, final: bool = False) -> list[Line]:
        """The lines that may become events."""
        out: list[Line] = []
        for stream, text in lines:
            size = len(text) + 1
            if self._bytes.refill() < size or self._lines.refill() < 1:
                self._held += 1
                continue
            out += self._notice(stream)
            self._bytes.spend(size)
            self._lines.spend(1)
            out.append((stream, text))
        if final:
            out += self._notice("stderr")
        return out

    def _notice(self, stream: str) -> list[Line]:
        held, self._held = self._held, 0
        return [(stream, f"({held} lines are only in {self._file_name})")] if held else []


class EngineLog(threading.Thread):
    """Reads both pipes of one engine until their end, so that a slow disk never stops the agent's answers.

    ``deliver`` is called in this thread with lines for events. Memory is bounded by chunk, line and tail.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        file: BinaryIO,
        file_name: str,
        deliver: Callable[[list[Line]], object],
    ) -> None:
        super().__init__(name="engine-log", daemon=True)
        pipes = {"stdout": process.stdout, "stderr": process.stderr}
        self._pipes = {name: pipe for name, pipe in pipes.items() if pipe is not None}
        self._file: BinaryIO | None = file
        self._deliver = deliver
        self._cutters = {name: LineCutter(time.monotonic) for name in self._pipes}
        self._file_name = file_name
        self._gate = LineGate(file_name)
        self._tail: deque[str] = deque(maxlen=LOG_TAIL_LINES)
        self._last_call = threading.Event()

    def finish(self) -> None:
        """What is in the pipes now is the rest; do not wait for whoever still holds them open."""
        self._last_call.set()

    def tail(self) -> str:
        """The last lines, to be asked for after the thread has ended."""
        return "\n".join(self._tail)

    def run(self) -> None:
        with selectors.DefaultSelector() as selector:
            for name, pipe in self._pipes.items():
                os.set_blocking(pipe.fileno(), False)
                selector.register(pipe, selectors.EVENT_READ, name)
            while selector.get_map():
                # Asked before looking: what arrived before the call is read.
                last_call = self._last_call.is_set()
                ready = selector.select(0 if last_call else LOOK_SECONDS)
                if last_call and not ready:
                    break
                for key, _ in ready:
                    data = os.read(key.fd, CHUNK_BYTES)
                    if not data:
                        selector.unregister(key.fileobj)
                    self._take(key.data, data)
        # Also what an end without a last newline left open, when the pipes did not end.
        for name in self._pipes:
            self._take(name, b"", final=True)
        for pipe in self._pipes.values():
            pipe.close()
        self._close_file()

    def _take(self, stream: str, data: bytes, *, final: bool = False) -> None:
        lines = [(stream, text) for text in self._cutters[stream].feed(data, final=final)]
        lines += self._write(data)
        for _, text in lines:
            self._tail.append(text[:LOG_TAIL_LINE_BYTES])
        passed = self._gate.passed(lines, final=final)
        if passed:
            self._deliver(passed)

    def _write(self, data: bytes) -> list[Line]:
        """Appends to the file; a full disk ends the file, not the engine."""
        if self._file is None or not data:
            return []
        try:
            self._file.write(data)
            self._file.flush()
        except OSError as error:
            self._close_file()
            return [("stderr", f"({self._file_name} ends here: {error})")]
        return []

    def _close_file(self) -> None:
        if self._file is not None:
            # Closing writes what is still buffered, and fails as the write did.
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None
