import json
from typing import Any

import pytest
from generation_engine import dice
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from longform_worker.engines.generate.token_text import TokenText, byte_level_alphabet, token_bytes

TEXTS = ["The 3rd slide\n\n", "请写一篇约90字的讲稿。", "🙂👩‍👩‍👧🇩🇪", "é\u0301 ﷽ \x00\x7f", "𠀀𠀁 mixed 语"]


@pytest.fixture(scope="module")
def byte_tokenizer() -> Tokenizer:
    """A tokenizer whose tokens are the 256 bytes, so that every character but ASCII is split."""
    tokenizer = Tokenizer(models.BPE(byte_level_alphabet(), []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def written(ids: list[int]) -> list[str]:
    text = TokenText([bytes([byte]) for byte in range(256)])
    return [text.write(token) for token in ids]


def test_the_alphabet_is_the_one_of_byte_level_tokenizers() -> None:
    assert sorted(byte_level_alphabet()) == sorted(pre_tokenizers.ByteLevel.alphabet())


@pytest.mark.parametrize("text", TEXTS)
def test_split_characters_come_out_whole_and_only_with_their_last_byte(text: str) -> None:
    pieces = written(list(text.encode()))
    assert "".join(pieces) == text
    assert [piece for piece in pieces if piece] == list(text)


def test_any_bytes_give_what_the_tokenizer_itself_decodes(byte_tokenizer: Tokenizer) -> None:
    draw = dice(7)
    for _ in range(500):
        ids = [draw.choice([0x41, 0xE8, 0xAF, 0xAD, 0xF0, 0x9F, 0x99, 0x82, 0xC3, 0xED, 0xFF]) for _ in range(12)]
        expected: str = byte_tokenizer.decode([*ids, 0x41])
        assert "".join(written([*ids, 0x41])) == expected


def test_an_unfinished_last_character_is_left_out() -> None:
    assert "".join(written(list("语🙂".encode())[:-1])) == "语"


def test_special_tokens_are_silent_and_added_ones_stand_for_themselves() -> None:
    tokens: list[Any] = ["h", "Ġ", "<|im_end|>", "<语>", None]
    assert token_bytes(tokens, frozenset([2])) == [b"h", b" ", b"", "<语>".encode(), b""]
    assert json.dumps(token_bytes(["Ċ"], frozenset())[0].decode()) == '"\\n"'
