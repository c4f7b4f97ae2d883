"""The live view: a ZeroMQ publisher for what may be lost. Without ZeroMQ there is none, and nothing else changes."""

import json
import os
from pathlib import Path
from typing import Any

from longform_worker.agent.limits import LIVE_QUEUE_FRAMES
from longform_worker.wire import Frame

TOPIC = b"live"


class Live:
    """Publishes [b"live", JSON] frames; a watcher that is too slow loses some, which are counted."""

    endpoint = ""

    def publish(self, job_id: str, frame: Frame) -> None:
        """Sends one frame or drops it; never waits."""

    def close(self) -> None:
        """Ends the view; frames that wait are lost."""


class ZeroMqLive(Live):
    """The view on a socket file in a private folder."""

    def __init__(self, folder: Path) -> None:
        # The one import of zmq: a machine without it has everything but this view.
        import zmq

        self._again = zmq.Again
        self._noblock = zmq.NOBLOCK
        self._context = zmq.Context()
        self._socket: Any = self._context.socket(zmq.PUB)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.SNDHWM, LIVE_QUEUE_FRAMES)
        # Without this a full queue drops in silence and nobody could count.
        self._socket.setsockopt(zmq.XPUB_NODROP, 1)
        self._path = folder / f"live-{os.getpid()}.sock"
        self.endpoint = f"ipc://{self._path}"
        try:
            self._socket.bind(self.endpoint)
        except zmq.ZMQError as error:
            raise OSError(error.errno, str(error), str(self._path)) from error
        self._dropped = 0

    def publish(self, job_id: str, frame: Frame) -> None:
        body = json.dumps({**frame, "job_id": job_id, "dropped": self._dropped}, ensure_ascii=False)
        try:
            self._socket.send_multipart([TOPIC, body.encode("utf-8")], flags=self._noblock)
        except self._again:
            self._dropped += 1

    def close(self) -> None:
        self._socket.close()
        self._context.term()
        self._path.unlink(missing_ok=True)


def open_live(folder: Path, wanted: bool) -> tuple[Live, str]:
    """The view and, when there is none, why."""
    if not wanted:
        return Live(), "turned off"
    try:
        return ZeroMqLive(folder), ""
    except (ImportError, OSError) as error:
        return Live(), str(error)
