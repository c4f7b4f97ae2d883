"""Serves generation requests over the link to the agent: the loop around every engine.

A request is named by its id. Sent again while it is in flight it is ignored; sent again afterwards it is
answered again. What goes wrong with one request ends that request, not the engine.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Generic

from longform_worker.engines.generate.engine import Engine, Finish, Prompt, PromptT, Written
from longform_worker.engines.generate.flight import DELTA_SECONDS, Flight
from longform_worker.engines.generate.request import check_window, read_request
from longform_worker.engines.generate.scripted import ScriptedEngine
from longform_worker.failure import EngineFailure
from longform_worker.jobs import EngineKind, GenerateRequest, GenerationJob
from longform_worker.wire import BadFrame, EngineLink, Frame, LinkClosed

LIVE_SECONDS = 0.1
LIVE_CHARACTERS = 200
_UNSEEN = Prompt(tokens=0, sha256="")


def run(job: GenerationJob, link: EngineLink) -> dict[str, object]:
    """Load the job's engine and serve requests until the agent closes; returns the fields of ``done``."""
    started = time.monotonic()
    if job.max_batch_sequences < 1:
        raise EngineFailure(
            "spec_refused",
            "generation.max_batch_sequences must be at least 1, found 0.",
            field_path="generation.max_batch_sequences",
            expected="at least 1",
            found=0,
        )
    link.phase("loading")
    if job.engine is EngineKind.SCRIPTED:
        return _serve(ScriptedEngine(job, link), job, link, started)
    # torch takes seconds to import and is not needed by a scripted engine.
    from longform_worker.engines.generate.transformers_engine import TransformersEngine

    return _serve(TransformersEngine(job), job, link, started)


def _serve(engine: Engine[PromptT], job: GenerationJob, link: EngineLink, started: float) -> dict[str, object]:
    link.phase("running")
    link.send("ready", load_seconds=time.monotonic() - started)
    return {"generated": {"requests": Server(engine, job, link).serve()}}


class Inbox:
    """Frames as they arrive, read by a thread of its own so that they can be looked for between steps."""

    def __init__(self, link: EngineLink) -> None:
        self._link = link
        self._arrived: SimpleQueue[Frame | LinkClosed | BadFrame] = SimpleQueue()
        Thread(target=self._read, name="inbox", daemon=True).start()

    def take(self, *, wait: bool) -> Frame | None:
        """The next frame; without ``wait``, None when there is none. Raises what ended the link."""
        try:
            arrived = self._arrived.get(block=wait)
        except Empty:
            return None
        if isinstance(arrived, LinkClosed | BadFrame):
            raise arrived
        return arrived

    def _read(self) -> None:
        try:
            while True:
                self._arrived.put(self._link.receive())
        except (LinkClosed, BadFrame) as end:
            self._arrived.put(end)


class Server(Generic[PromptT]):
    """All requests of one engine, from arrival to answer."""

    def __init__(self, engine: Engine[PromptT], job: GenerationJob, link: EngineLink) -> None:
        self._engine = engine
        self._job = job
        self._link = link
        self._inbox = Inbox(link)
        self._closing = False
        self._waiting: dict[str, GenerateRequest] = {}
        self._flights: dict[str, Flight] = {}
        self._finished: dict[str, dict[str, Any]] = {}
        self._shown_at = float("-inf")

    def serve(self) -> int:
        """Work until the agent has closed and nothing is left; returns the number of ended requests."""
        while True:
            self._listen()
            if self._closing and not self._waiting and not self._flights:
                return len(self._finished)
            self._admit()
            for written in self._engine.step():
                self._gather(written)
            self._send_due(time.monotonic())

    def _listen(self) -> None:
        idle = not (self._closing or self._waiting or self._flights)
        while (frame := self._inbox.take(wait=idle)) is not None:
            idle = False
            match frame["type"]:
                case "request":
                    self._request({name: value for name, value in frame.items() if name != "type"})
                case "close":
                    self._closing = True
                case other:
                    raise BadFrame(f'a generation engine was sent a frame of type "{other}"')

    def _request(self, fields: Mapping[str, Any]) -> None:
        request_id = fields.get("request_id")
        if not isinstance(request_id, str):
            raise BadFrame(f"a request without a request_id: its fields are {', '.join(fields)}")
        if request_id in self._finished:
            self._link.send("reply", request_id=request_id, finished=self._finished[request_id])
        elif fields.get("cancel", False):
            self._cancel(request_id)
        elif request_id not in self._flights and request_id not in self._waiting:
            try:
                self._waiting[request_id] = read_request({k: v for k, v in fields.items() if k != "cancel"}, self._job)
            except EngineFailure as failure:
                self._refuse(request_id, _UNSEEN, failure)

    def _cancel(self, request_id: str) -> None:
        # An id that never arrived is answered too: whoever cancels waits for the end of the request.
        self._waiting.pop(request_id, None)
        flight = self._flights.get(request_id)
        if flight is not None:
            self._engine.drop(request_id)
        self._end(flight or Flight(request_id, _UNSEEN), "FINISH_REASON_ABORT")

    def _admit(self) -> None:
        # Reading images takes time in which nobody's text goes on: no longer than a delta may wait.
        until = time.monotonic() + DELTA_SECONDS
        while self._waiting and self._engine.room() > 0 and time.monotonic() < until:
            request_id = next(iter(self._waiting))
            request = self._waiting.pop(request_id)
            seen = _UNSEEN
            try:
                seen = prompt = self._engine.prepare(request)
                check_window(prompt.tokens, request.sampling, self._job.max_tokens)
            except EngineFailure as failure:
                self._refuse(request_id, seen, failure)
                continue
            self._engine.admit(request, prompt)
            self._flights[request_id] = Flight(request_id, prompt)

    def _gather(self, written: Written) -> None:
        flight = self._flights[written.request_id]
        flight.add(written.text, written.tokens)
        if written.finish is not None:
            self._end(flight, written.finish, written.failure)

    def _send_due(self, now: float) -> None:
        for flight in self._flights.values():
            if flight.due(now):
                self._send_delta(flight, now)
        if now - self._shown_at >= LIVE_SECONDS:
            # The oldest text, so that a watcher can follow one to its end.
            shown = next((flight for flight in self._flights.values() if flight.tokens > 0), None)
            if shown is not None:
                self._shown_at = now
                text = shown.tail(LIVE_CHARACTERS)
                self._link.live(kind="text", request_id=shown.request_id, text=text, tokens=shown.tokens)

    def _send_delta(self, flight: Flight, now: float) -> None:
        self._link.send(
            "reply", request_id=flight.request_id, delta={"text": flight.take(now), "tokens": flight.tokens}
        )

    def _refuse(self, request_id: str, seen: Prompt, failure: EngineFailure) -> None:
        self._end(Flight(request_id, seen), "FINISH_REASON_ERROR", failure)

    def _end(self, flight: Flight, finish: Finish, failure: EngineFailure | None = None) -> None:
        self._flights.pop(flight.request_id, None)
        if flight.unsent():
            self._send_delta(flight, time.monotonic())
        finished: dict[str, Any] = {
            "finish": finish,
            "text": flight.text(),
            "prompt_tokens": flight.prompt.tokens,
            "output_tokens": flight.tokens,
            "prompt_sha256": flight.prompt.sha256,
        }
        if failure is not None:
            finished["failure"] = failure.fields()
        self._finished[flight.request_id] = finished
        self._link.send("reply", request_id=flight.request_id, finished=finished)
