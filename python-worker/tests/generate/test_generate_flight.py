from longform_worker.engines.generate.engine import Prompt
from longform_worker.engines.generate.flight import DELTA_SECONDS, DELTA_TOKENS, Flight


def flight() -> Flight:
    return Flight("a", Prompt(tokens=1, sha256=""))


def test_the_first_characters_are_due_at_once_and_an_unfinished_one_is_not() -> None:
    one = flight()
    one.add("", 1)
    assert not one.due(0.0)
    one.add("语", 3)
    assert one.due(0.0)
    assert one.take(0.0) == "语"
    assert not one.due(0.0)


def test_later_text_is_due_after_16_tokens_or_50_ms_whichever_comes_first() -> None:
    one = flight()
    one.add("a", 1)
    one.take(10.0)
    one.add("b", DELTA_TOKENS)
    assert not one.due(10.0 + DELTA_SECONDS * 0.9)
    assert one.due(10.0 + DELTA_SECONDS)
    one.add("c", DELTA_TOKENS + 1)
    assert one.due(10.0)
    assert one.take(10.0) == "bc"


def test_everything_taken_and_the_rest_are_the_whole_text() -> None:
    one, taken = flight(), ""
    for token in range(1, 100):
        one.add("x语"[token % 2] * (token % 3), token)
        if one.due(token * 0.01):
            taken += one.take(token * 0.01)
    assert one.unsent() or taken == one.text()
    assert taken + one.take(1.0) == one.text()
    assert not one.unsent()


def test_the_tail_is_the_last_characters_however_they_came() -> None:
    one = flight()
    for token, text in enumerate(["ab", "", "cdefgh", "i"]):
        one.add(text, token)
    assert one.tail(3) == "ghi"
    assert one.tail(100) == "abcdefghi"
