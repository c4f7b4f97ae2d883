"""An engine that repeats given texts and makes given faults; for tests of failure paths.

The job's ``model_path`` is a JSON file:

    {
      "texts": {"deck-7": "The first slide …", "Describe it.": ["one", "two"]},
      "default": "A text for every other request.",
      "tokens_per_second": 200,
      "faults": [{"after_tokens": 40, "kind": "signal", "signal": "SIGKILL"}]
    }

``texts`` is looked up by request id, then by prompt; of a list, the request's seed picks one. Without
"default" any other request is refused. A token is one character, an image of the prompt one token, the end
of turn another; a text that is shorter than ``min_tokens`` starts over. ``tokens_per_second`` is the speed
of every request, 0 for no wait at all. Every key may be left out.

A fault happens once ``after_tokens`` tokens were written: by the request with the id or prompt ``request``
when that is given, otherwise by all together. With 0 it happens before the first token; with ``"loading":
true`` before the engine is ready. Its ``kind`` is one of

    exit           the process ends with exit code ``code``
    signal         the process gets the signal named ``signal``, such as "SIGSEGV"
    hang           nothing more is done, for ever; with ``"deaf": true`` SIGTERM is ignored as well
    error          the engine fails with the reason ``failure``, such as "device_oom"
    request_error  the same for the one request that wrote the last token
    garbage        bytes that are no message are sent, and nothing more is done
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import time
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from longform_worker.engines.generate.engine import Finish, Prompt, Written
from longform_worker.failure import FAILURE_CODES, EngineFailure, FailureCode
from longform_worker.jobs import GenerateRequest, GenerationJob
from longform_worker.records import read_record
from longform_worker.wire import EngineLink

_IMAGE = "\N{OBJECT REPLACEMENT CHARACTER}"
_PATIENCE_SECONDS = 0.01  # longest sleep between two looks for new requests


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    kind: str
    after_tokens: int | None
    request: str | None
    loading: bool | None
    code: int | None
    signal: str | None
    deaf: bool | None
    failure: str | None


@dataclass(frozen=True, slots=True)
class Script:
    texts: dict[str, list[str]]
    default: str | None
    tokens_per_second: float
    faults: tuple[Fault, ...]


@dataclass(slots=True)
class _Reciting:
    request: GenerateRequest
    text: str
    began: float
    tokens: int = 0


class ScriptedEngine:
    """Writes the script's texts, one character of every request a step."""

    def __init__(self, job: GenerationJob, link: EngineLink) -> None:
        self._script = read_script(Path(job.model_path))
        self._slots = job.max_batch_sequences
        self._link = link
        self._reciting: dict[str, _Reciting] = {}
        self._tokens = 0
        self._faults = list(self._script.faults)
        for fault in [fault for fault in self._faults if fault.loading]:
            self._commit(fault)

    def room(self) -> int:
        return self._slots - len(self._reciting)

    def prepare(self, request: GenerateRequest) -> Prompt:
        """Token ids are code points: of one replacement character for each image, then of the prompt."""
        if not self._text_of(request) and request.sampling.min_tokens > 0:
            raise EngineFailure(
                "spec_refused", "an empty text cannot be min_tokens long", field_path="sampling.min_tokens"
            )
        ids = array("I", [ord(character) for character in _IMAGE * len(request.images) + request.prompt])
        return Prompt(tokens=len(ids), sha256=hashlib.sha256(ids.tobytes()).hexdigest())

    def admit(self, request: GenerateRequest, prompt: Prompt) -> None:
        text = self._text_of(request)
        while 0 < len(text) < request.sampling.min_tokens:
            text += text
        self._reciting[request.request_id] = _Reciting(request, text, time.monotonic())

    def drop(self, request_id: str) -> None:
        del self._reciting[request_id]

    def step(self) -> list[Written]:
        written: list[Written] = []
        for reciting in list(self._reciting.values()):
            failure = self._fault(reciting.request)
            if failure is None and self._due_in(reciting) > 0:
                continue
            step = self._write(reciting, failure)
            if step.finish is not None:
                del self._reciting[step.request_id]
            written.append(step)
        if self._reciting and not written:
            pause = min(self._due_in(reciting) for reciting in self._reciting.values())
            time.sleep(min(max(pause, 0), _PATIENCE_SECONDS))
        return written

    def _write(self, reciting: _Reciting, failure: EngineFailure | None) -> Written:
        request_id, text = reciting.request.request_id, ""
        finish: Finish | None = None
        if failure is not None:
            return Written(request_id, "", reciting.tokens, "FINISH_REASON_ERROR", failure)
        if reciting.tokens < len(reciting.text):
            text = reciting.text[reciting.tokens]
        else:
            finish = "FINISH_REASON_STOP"
        reciting.tokens += 1
        self._tokens += 1
        if finish is None and reciting.tokens == reciting.request.sampling.max_tokens:
            finish = "FINISH_REASON_LENGTH"
        return Written(request_id, text, reciting.tokens, finish)

    def _due_in(self, reciting: _Reciting) -> float:
        """Seconds until the next token of a request."""
        speed = self._script.tokens_per_second
        return 0 if speed == 0 else reciting.began + (reciting.tokens + 1) / speed - time.monotonic()

    def _text_of(self, request: GenerateRequest) -> str:
        texts = self._script.texts.get(request.request_id) or self._script.texts.get(request.prompt)
        if texts:
            return texts[request.sampling.seed % len(texts)]
        if self._script.default is None:
            raise EngineFailure(
                "spec_refused",
                f'the script has no text for "{request.request_id}" and no "default".',
                field_path="request_id",
            )
        return self._script.default

    def _fault(self, request: GenerateRequest) -> EngineFailure | None:
        """Let the faults happen whose time has come; returns one that concerns this request alone."""
        for fault in self._faults:
            names_request = fault.request in (request.request_id, request.prompt)
            if fault.loading or not (fault.request is None or names_request):
                continue
            reached = self._reciting[request.request_id].tokens if names_request else self._tokens
            if reached >= (fault.after_tokens or 0):
                self._faults.remove(fault)
                return self._commit(fault)
        return None

    def _commit(self, fault: Fault) -> EngineFailure | None:
        failure = EngineFailure(_failure_code(fault.failure), "scripted failure", after_tokens=self._tokens)
        match fault.kind:
            case "exit":
                os._exit(fault.code or 0)
            case "signal":
                os.kill(os.getpid(), signal.Signals[fault.signal or "SIGKILL"])
            case "error":
                raise failure
            case "request_error":
                return failure
            case "garbage":
                self._link.send_bytes(b"\xff" * 64)
            case _:
                pass
        if fault.deaf:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            time.sleep(60)


def read_script(path: Path) -> Script:
    """The script in a file; raises EngineFailure (spec_refused) naming the key that cannot be used."""
    try:
        content: object = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _refused(path, "", "a JSON file", str(error)) from error
    if not isinstance(content, dict):
        raise _refused(path, "", "an object", content)
    found = cast(dict[str, Any], content)
    texts, faults = found.pop("texts", {}), found.pop("faults", [])
    default, speed = found.pop("default", None), found.pop("tokens_per_second", 0)
    for name in found:
        raise _refused(path, name, "texts, default, tokens_per_second or faults", name)
    if not isinstance(texts, dict):
        raise _refused(path, "texts", "an object", texts)
    if default is not None and not isinstance(default, str):
        raise _refused(path, "default", "a text", default)
    if isinstance(speed, bool) or not isinstance(speed, int | float) or not 0 <= speed < float("inf"):
        raise _refused(path, "tokens_per_second", "a number of at least 0", speed)
    if not isinstance(faults, list):
        raise _refused(path, "faults", "a list", faults)
    read_texts = {key: _texts(path, key, value) for key, value in cast(dict[str, object], texts).items()}
    read_faults = tuple(_read_fault(path, place, value) for place, value in enumerate(cast(list[object], faults)))
    return Script(read_texts, default, float(speed), read_faults)


def _texts(path: Path, key: str, value: object) -> list[str]:
    texts = cast(list[object], value if isinstance(value, list) else [value])
    if not texts or not all(isinstance(text, str) for text in texts):
        raise _refused(path, f"texts.{key}", "a text or a list of texts", texts)
    return [str(text) for text in texts]


def _read_fault(path: Path, place: int, value: object) -> Fault:
    fault = read_record(Fault, value, f"faults.{place}")
    signals = set(signal.Signals.__members__)
    needs = {
        "exit": ("code", fault.code is not None, "a number", fault.code),
        "signal": ("signal", fault.signal in signals, "the name of a signal", fault.signal),
        "error": ("failure", fault.failure in FAILURE_CODES, "the name of a failure", fault.failure),
        "request_error": ("failure", fault.failure in FAILURE_CODES, "the name of a failure", fault.failure),
        "hang": ("kind", True, "", ""),
        "garbage": ("kind", True, "", ""),
    }
    if fault.kind not in needs:
        raise _refused(path, f"faults.{place}.kind", f"one of {', '.join(needs)}", fault.kind)
    name, holds, expected, found = needs[fault.kind]
    if not holds:
        raise _refused(path, f"faults.{place}.{name}", expected, found)
    if (fault.after_tokens is None) is (not fault.loading):
        raise _refused(path, f"faults.{place}", "either after_tokens or loading", value)
    return fault


def _failure_code(name: str | None) -> FailureCode:
    return name if name in FAILURE_CODES else "internal"


def _refused(path: Path, key: str, expected: str, found: object) -> EngineFailure:
    return EngineFailure(
        "spec_refused",
        f"{path}: {key or 'the script'} must be {expected}, found {found!r}.",
        field_path="model_path",
        file=path,
        key=key,
        expected=expected,
        found=found,
    )
