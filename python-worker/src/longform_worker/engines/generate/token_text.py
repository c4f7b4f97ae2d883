"""From token ids to text without half characters.

A byte-level token is a run of bytes that need not end where a character ends. Bytes are therefore kept
back until their character is whole, so that the deltas of a text are exactly the text.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence


def byte_level_alphabet() -> dict[str, int]:
    """The printable character that stands for each byte in a byte-level vocabulary (GPT-2's table)."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + place): byte for place, byte in enumerate(others)}


def token_bytes(tokens: Sequence[str | None], silent: frozenset[int]) -> list[bytes]:
    """The bytes of every id; nothing for ``silent`` ids (special tokens) and for ids without a token."""
    alphabet = byte_level_alphabet()

    def one(token: str) -> bytes:
        if all(character in alphabet for character in token):
            return bytes(alphabet[character] for character in token)
        return token.encode()  # an added token stands for itself

    return [b"" if token is None or index in silent else one(token) for index, token in enumerate(tokens)]


class TokenText:
    """The text of one sequence of tokens, character by character.

    Bytes that can never become a character turn into U+FFFD as soon as that is certain. A character
    that is still unfinished when the sequence ends is no character and is left out.
    """

    def __init__(self, bytes_by_id: Sequence[bytes]) -> None:
        self._bytes_by_id = bytes_by_id
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def write(self, token_id: int) -> str:
        """The characters that are complete with this token."""
        return self._decoder.decode(self._bytes_by_id[token_id])
