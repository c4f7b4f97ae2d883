"""What the serving loop and an engine have in common: requests go in, written text comes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from longform_worker.failure import EngineFailure
from longform_worker.jobs import GenerateRequest

Finish = Literal["FINISH_REASON_STOP", "FINISH_REASON_LENGTH", "FINISH_REASON_ABORT", "FINISH_REASON_ERROR"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """What an engine sees of a request: its number of tokens and the hash over their ids."""

    tokens: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Written:
    """What one step added to one request.

    ``text`` holds whole characters only and may be empty; ``tokens`` counts all tokens of the request
    so far, the end of turn included; ``finish`` is set with the last of them, and the request has then
    left the engine. ``failure`` is set exactly when ``finish`` is FINISH_REASON_ERROR.
    """

    request_id: str
    text: str
    tokens: int
    finish: Finish | None = None
    failure: EngineFailure | None = None


PromptT = TypeVar("PromptT", bound=Prompt)


class Engine(Protocol[PromptT]):
    """Decodes many requests together, one step at a time, on the thread that calls it."""

    def room(self) -> int:
        """How many more requests may be admitted now."""
        ...

    def prepare(self, request: GenerateRequest) -> PromptT:
        """Read a request's images and count its tokens; an EngineFailure concerns this request alone."""
        ...

    def admit(self, request: GenerateRequest, prompt: PromptT) -> None:
        """Take a prepared request in; the next step works on it."""
        ...

    def step(self) -> list[Written]:
        """Write at most a few tokens of every admitted request."""
        ...

    def drop(self, request_id: str) -> None:
        """Forget an admitted request and free its place."""
        ...
