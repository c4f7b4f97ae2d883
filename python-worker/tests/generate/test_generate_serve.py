"""The loop around every engine, over real frames; the texts come from the scripted engine."""

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from generation_engine import GREEDY, SOURCE, Agent, job_fields, process, thread

from longform_worker.engines.generate.flight import DELTA_TOKENS
from longform_worker.wire import LinkClosed

LONG = "A long text: " + "请写一篇讲稿🙂 and so on. " * 40
Open = Callable[..., AbstractContextManager[Agent]]


@pytest.fixture
def scripted(tmp_path: Path) -> Open:
    """Opens a scripted engine: ``scripted({"default": "text"}, max_batch_sequences=1)``."""

    def opened(script: dict[str, Any], **job: object) -> AbstractContextManager[Agent]:
        path = tmp_path / "script.json"
        path.write_text(json.dumps(script))
        return thread(job_fields(path, "SCRIPTED", **{"max_tokens": 4000, **job}))

    return opened


def test_deltas_are_the_whole_text_in_pieces_of_a_few_tokens(scripted: Open) -> None:
    with scripted({"default": LONG}) as engine:
        end = engine.write("a", max_tokens=2000)
        deltas = engine.deltas("a")
    assert end["finish"] == "FINISH_REASON_STOP"
    assert end["text"] == LONG == "".join(delta["text"] for delta in deltas)
    assert end["output_tokens"] == len(LONG) + 1
    assert deltas[0] == {"text": "A", "tokens": 1}
    assert len(deltas) <= len(LONG) / DELTA_TOKENS + 2


def test_slow_text_arrives_about_every_50_ms(scripted: Open) -> None:
    with scripted({"default": "x" * 200, "tokens_per_second": 100}) as engine:
        engine.write("a", max_tokens=60)
        at = [time for time, frame in zip(engine.times, engine.frames, strict=True) if "delta" in frame]
    assert 8 <= len(at) <= 16  # 0.6 s of text in steps of 50 ms and a little more


def test_a_request_that_arrives_while_another_is_written_ends_first(scripted: Open) -> None:
    with scripted({"texts": {"long": "x" * 4000, "short": "done"}, "tokens_per_second": 400}) as engine:
        engine.ask("long", max_tokens=3000)
        engine.first_delta("long")
        assert engine.write("short")["text"] == "done"
        assert not [frame for frame in engine.frames if "finished" in frame and frame["request_id"] == "long"]


def test_cancelling_keeps_the_text_so_far_and_gives_the_place_to_the_next(scripted: Open) -> None:
    script = {"texts": {"first": "x" * 4000, "second": "done"}, "tokens_per_second": 400}
    with scripted(script, max_batch_sequences=1) as engine:
        engine.ask("first", max_tokens=3000)
        engine.ask("second")
        engine.first_delta("first")
        engine.cancel("first")
        first, second = engine.finished("first", "second")
        text = "".join(delta["text"] for delta in engine.deltas("first"))
    assert first["finish"] == "FINISH_REASON_ABORT"
    assert 0 < len(first["text"]) == first["output_tokens"] < 4000
    assert first["text"] == text
    assert second["text"] == "done"


def test_cancelling_what_waits_or_was_never_sent_is_answered(scripted: Open) -> None:
    with scripted({"default": "x" * 4000, "tokens_per_second": 400}, max_batch_sequences=1) as engine:
        engine.ask("first", max_tokens=3000)
        engine.ask("waiting")
        engine.cancel("waiting")
        engine.cancel("unknown")
        ends = engine.finished("waiting", "unknown")
    assert [(end["finish"], end["text"]) for end in ends] == [("FINISH_REASON_ABORT", "")] * 2


def test_a_request_sent_twice_is_written_once_and_answered_again_when_it_has_ended(scripted: Open) -> None:
    with scripted({"default": "x" * 300, "tokens_per_second": 1000}) as engine:
        engine.ask("a", max_tokens=300)
        engine.first_delta("a")
        engine.ask("a", max_tokens=300)
        (first,) = engine.finished("a")
        deltas = engine.deltas("a")
        engine.ask("a", max_tokens=300)
        again = engine.until("reply")
        assert engine.close()["generated"] == {"requests": 1}
        assert engine.deltas("a") == deltas
    assert "".join(delta["text"] for delta in deltas) == first["text"]
    assert again == {"type": "reply", "request_id": "a", "finished": first}


def test_closing_finishes_what_is_in_flight_and_what_waits(scripted: Open) -> None:
    with scripted({"default": "x" * 100, "tokens_per_second": 1000}, max_batch_sequences=2) as engine:
        for request_id in "abcde":
            engine.ask(request_id, max_tokens=100)
        done = engine.close()
        ends = engine.finished(*"abcde")
    assert done == {"type": "done", "generated": {"requests": 5}}
    assert [end["finish"] for end in ends] == ["FINISH_REASON_LENGTH"] * 5


BAD: list[tuple[dict[str, Any], str]] = [
    ({"sampling": {**GREEDY, "temperature": -1}}, "sampling.temperature"),
    ({"sampling": {**GREEDY, "top_p": 0}}, "sampling.top_p"),
    ({"sampling": {**GREEDY, "max_tokens": 0}}, "sampling.max_tokens"),
    ({"sampling": {**GREEDY, "min_tokens": 25}}, "sampling.min_tokens"),
    ({"sampling": {**GREEDY, "seed": 2**64}}, "sampling.seed"),
    ({"sampling": {**GREEDY, "max_tokens": 3989}}, "sampling.max_tokens"),
    ({"sampling": {k: v for k, v in GREEDY.items() if k != "top_k"}}, "sampling.top_k"),
    ({"images": [{"sha256": "0" * 64, "width": 28, "height": 28}] * 5}, "images"),
    ({"images": [{"sha256": "0" * 64, "width": 28, "height": 30}]}, "images.0"),
    ({"images": [{"sha256": "0" * 64, "width": 280, "height": 280}]}, "images.0"),
    ({"images": [{"sha256": "0" * 64, "width": 0, "height": 0}]}, "images.0"),
    ({"prompt": 7}, "prompt"),
    ({"colour": "red"}, "colour"),
]


def test_a_bad_request_ends_with_its_field_named_and_the_engine_goes_on(scripted: Open) -> None:
    good: dict[str, Any] = {"job_id": "job", "prompt": "Describe it.", "images": [], "sampling": GREEDY}
    with scripted({"default": "done"}) as engine:
        for number, (change, _) in enumerate(BAD):
            engine.send("request", **{**good, "request_id": f"bad-{number}", **change})
        ends = engine.finished(*(f"bad-{number}" for number in range(len(BAD))))
        assert engine.write("good")["text"] == "done"
    for end, (change, field_path) in zip(ends, BAD, strict=True):
        assert end["finish"] == "FINISH_REASON_ERROR", change
        assert end["failure"]["code"] == "FAILURE_CODE_SPEC_REFUSED"
        assert end["failure"]["field_path"] == field_path
        assert end["output_tokens"] == 0


def test_the_window_names_both_numbers(scripted: Open) -> None:
    with scripted({"default": "done"}, max_tokens=30) as engine:
        end = engine.write("a", "12345678")
        assert engine.write("b", "123456")["finish"] == "FINISH_REASON_STOP"
    assert end["prompt_tokens"] == 8
    assert end["failure"]["facts"] == {
        "expected": "at most 22",
        "found": "24",
        "prompt_tokens": "8",
        "window": "30",
    }


def test_one_text_is_shown_live_at_most_ten_times_a_second(scripted: Open) -> None:
    with scripted({"default": LONG, "tokens_per_second": 600}) as engine:
        for request_id in "abc":
            engine.ask(request_id, max_tokens=500)
        engine.finished(*"abc")
        shown = [frame for frame in engine.frames if frame["type"] == "live"]
        seconds = engine.times[-1] - engine.times[0]
    assert 3 <= len(shown) <= seconds * 10 + 1
    assert {frame["request_id"] for frame in shown} == {"a"}
    for frame in shown:
        assert frame["kind"] == "text"
        assert frame["text"] == LONG[: frame["tokens"]][-200:]


def test_a_scripted_engine_starts_without_torch_and_without_pillow() -> None:
    code = "import sys, longform_worker.engines.generate.serve; print(*({'torch', 'PIL', 'numpy'} & set(sys.modules)))"
    printed = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(SOURCE)}, capture_output=True, check=True, text=True
    )
    assert printed.stdout == "\n"


def test_an_engine_ends_when_its_agent_hangs_up(tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"default": "x" * 4000, "tokens_per_second": 400}))
    with process(job_fields(script, "SCRIPTED", max_tokens=4000)) as engine:
        engine.ask("a", max_tokens=3000)
        engine.first_delta("a")
        engine.hang_up()
        assert engine.wait() == 1


def test_a_job_without_places_is_refused(tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    script.write_text("{}")
    with process(job_fields(script, "SCRIPTED", max_batch_sequences=0)) as engine:
        assert engine.until("failed")["field_path"] == "generation.max_batch_sequences"
        with pytest.raises(LinkClosed):
            engine.next()
        assert engine.wait() == 1
