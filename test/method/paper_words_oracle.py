"""Counts words by the published benchmark's rule in real Python, as the oracle of a TypeScript test.

Reads a JSON list of strings from stdin. Prints one JSON object: `counts`, one number a string, and
`runs`, run-length encoded [count, length] pairs over the texts "a" + character for every code point
from 0 to 0x10FFFF, with count -1 where this Python's Unicode tables do not know the character.
"""

import json
import re
import sys
import unicodedata
from itertools import groupby


def count_words(text: str) -> int:
    return len(re.findall("[\u4e00-\u9fff]", text)) + len(re.findall(r"\b[a-zA-Z]+\b", text))


def count_after_letter(code_point: int) -> int:
    character = chr(code_point)
    if unicodedata.category(character) == "Cn":
        return -1
    return count_words("a" + character)


counts = [count_words(text) for text in json.load(sys.stdin)]
every = (count_after_letter(code_point) for code_point in range(0x110000))
runs = [[count, sum(1 for _ in group)] for count, group in groupby(every)]
json.dump({"counts": counts, "runs": runs}, sys.stdout)
