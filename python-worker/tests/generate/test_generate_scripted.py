"""Every fault that the scripted engine can make, as the agent would see it."""

import json
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from generation_engine import Process, job_fields, process, thread

from longform_worker.engines.generate.scripted import read_script
from longform_worker.failure import EngineFailure
from longform_worker.wire import BadFrame, LinkClosed

TEXTS = {"texts": {"a": "abcdefgh", "Say it.": ["one", "two"]}, "default": "other"}


def job(folder: Path, script: dict[str, Any]) -> dict[str, Any]:
    path = folder / "script.json"
    path.write_text(json.dumps(script))
    return job_fields(path, "SCRIPTED")


def until_gone(engine: Process) -> None:
    with suppress(LinkClosed):
        while True:  # a silent engine ends this by a TimeoutError
            engine.next()


def test_texts_are_found_by_id_then_by_prompt_and_the_seed_picks_one(tmp_path: Path) -> None:
    with thread(job(tmp_path, TEXTS)) as engine:
        assert engine.write("a", "Say it.")["text"] == "abcdefgh"
        assert engine.write("b", "Say it.", seed=4)["text"] == "one"
        assert engine.write("c", "Say it.", seed=7)["text"] == "two"
        assert engine.write("d", "Anything.")["text"] == "other"


def test_limits_of_length_are_kept(tmp_path: Path) -> None:
    with thread(job(tmp_path, TEXTS)) as engine:
        cut = engine.write("a", max_tokens=3)
        stretched = engine.write("b", "Say it.", min_tokens=7)
    assert (cut["text"], cut["output_tokens"], cut["finish"]) == ("abc", 3, "FINISH_REASON_LENGTH")
    assert (stretched["text"], stretched["output_tokens"]) == ("oneoneoneone", 13)


def test_a_request_without_a_text_is_refused_alone(tmp_path: Path) -> None:
    with thread(job(tmp_path, {"texts": {"a": "abc"}})) as engine:
        assert engine.write("b")["failure"]["code"] == "FAILURE_CODE_SPEC_REFUSED"
        assert engine.write("a")["text"] == "abc"


def test_an_exit_in_the_middle_of_a_text(tmp_path: Path) -> None:
    fault = {"after_tokens": 20, "kind": "exit", "code": 3}
    with process(job(tmp_path, {"default": "x" * 100, "faults": [fault]})) as engine:
        engine.ask("a", max_tokens=100)
        until_gone(engine)
        assert engine.wait() == 3
        assert sum(len(delta["text"]) for delta in engine.deltas("a")) <= 20


def test_a_signal_before_the_engine_is_ready(tmp_path: Path) -> None:
    fault = {"loading": True, "kind": "signal", "signal": "SIGSEGV"}
    with process(job(tmp_path, {**TEXTS, "faults": [fault]})) as engine:
        until_gone(engine)
        assert engine.wait() == -signal.SIGSEGV
        assert "ready" not in {frame["type"] for frame in engine.frames}


def test_a_request_that_kills_every_engine_it_meets(tmp_path: Path) -> None:
    fault = {"after_tokens": 2, "kind": "signal", "signal": "SIGKILL", "request": "poison"}
    with process(job(tmp_path, {**TEXTS, "faults": [fault]})) as engine:
        assert engine.write("a")["text"] == "abcdefgh"
        engine.ask("poison")
        until_gone(engine)
        assert engine.wait() == -signal.SIGKILL


def test_an_engine_that_hangs_can_be_ended_politely_unless_it_is_deaf(tmp_path: Path) -> None:
    for deaf in (False, True):
        fault = {"after_tokens": 0, "kind": "hang", "deaf": deaf}
        with process(job(tmp_path, {**TEXTS, "faults": [fault]})) as engine:
            engine.until("ready")
            engine.ask("a")
            engine.ask("b")
            with pytest.raises(TimeoutError):
                engine.next(patience_seconds=0.5)
            engine.child.terminate()
            if deaf:
                with pytest.raises(TimeoutError):
                    engine.next(patience_seconds=0.5)
            else:
                assert engine.wait() == -signal.SIGTERM


def test_a_typed_failure_of_the_engine_and_one_of_a_request(tmp_path: Path) -> None:
    faults = [
        {"after_tokens": 3, "kind": "request_error", "failure": "data_refused", "request": "a"},
        {"after_tokens": 6, "kind": "error", "failure": "device_oom"},
    ]
    with process(job(tmp_path, {**TEXTS, "faults": faults})) as engine:
        end = engine.write("a")
        assert end["finish"] == "FINISH_REASON_ERROR"
        assert end["failure"]["code"] == "FAILURE_CODE_DATA_REFUSED"
        assert (end["text"], end["output_tokens"]) == ("abc", 3)
        engine.ask("b")
        assert engine.until("failed")["code"] == "FAILURE_CODE_DEVICE_OOM"
        assert engine.wait() == 1


def test_bytes_that_are_no_message(tmp_path: Path) -> None:
    fault = {"after_tokens": 1, "kind": "garbage"}
    with process(job(tmp_path, {**TEXTS, "faults": [fault]})) as engine:
        engine.ask("a")
        with pytest.raises(BadFrame):
            engine.until("done")


BAD: list[tuple[object, str]] = [
    ([], ""),
    ({"text": {}}, "text"),
    ({"texts": {"a": 1}}, "texts.a"),
    ({"texts": {"a": []}}, "texts.a"),
    ({"default": 1}, "default"),
    ({"tokens_per_second": -1}, "tokens_per_second"),
    ({"faults": {}}, "faults"),
    ({"faults": [{"kind": "explode", "after_tokens": 1}]}, "faults.0.kind"),
    ({"faults": [{"kind": "exit", "after_tokens": 1}]}, "faults.0.code"),
    ({"faults": [{"kind": "signal", "after_tokens": 1, "signal": "SIGNO"}]}, "faults.0.signal"),
    ({"faults": [{"kind": "error", "after_tokens": 1, "failure": "x"}]}, "faults.0.failure"),
    ({"faults": [{"kind": "hang"}]}, "faults.0"),
]


@pytest.mark.parametrize(("script", "key"), BAD)
def test_a_script_that_cannot_be_used_is_refused_with_its_key(tmp_path: Path, script: object, key: str) -> None:
    path = tmp_path / "script.json"
    path.write_text(json.dumps(script))
    with pytest.raises(EngineFailure) as caught:
        read_script(path)
    assert caught.value.code == "spec_refused"
    assert caught.value.facts["key"] == key


def test_a_script_that_is_not_there_or_no_json_is_refused_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "no.json").write_text("{")
    for name in ("no.json", "nothing.json"):
        with pytest.raises(EngineFailure) as caught:
            read_script(tmp_path / name)
        assert caught.value.facts["file"].endswith(name)
