"""An engine's link whose other end is read by the test: real frames over a real socketpair."""

from __future__ import annotations

import socket
import threading
from typing import Any

from longform_worker.wire import EngineLink, LinkClosed


class RecordedLink(EngineLink):
    """Give it to an engine's ``run``; ``frames`` holds what was sent once the link is closed."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        super().__init__(ours)
        self._ours = ours
        self._received_frames: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read, args=(EngineLink(theirs), theirs))
        self._reader.start()

    def _read(self, link: EngineLink, theirs: socket.socket) -> None:
        with theirs:
            try:
                while True:
                    self._received_frames.append(link.receive())
            except LinkClosed:
                return

    def frames(self, type_: str) -> list[dict[str, Any]]:
        """Close the link and return the frames of one type, in order."""
        self._ours.close()
        self._reader.join()
        return [frame for frame in self._received_frames if frame["type"] == type_]

    def __enter__(self) -> RecordedLink:
        return self

    def __exit__(self, *_: object) -> None:
        self._ours.close()
        self._reader.join()
