"""Which rows of a step share a forward pass, and which rank runs it: a pure function of the rows' lengths."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence


def compose(lengths: Sequence[int], tokens_per_pass: int, ranks: int) -> list[list[list[int]]]:
    """Row numbers by rank and pass: ``[rank][pass]`` holds numbers into ``lengths``.

    Every rank gets equally many passes, as few as fit; a pass holds at most ``tokens_per_pass`` tokens, or one row
    alone that is longer. Rows are dealt out longest first, each to the pass with the fewest tokens, so passes are
    about equally long, and those that ranks run at the same time most of all. With fewer rows than ranks some
    passes are empty.
    """
    order = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    enough = -(-len(lengths) // ranks)
    full = sum(min(length, tokens_per_pass) for length in lengths) / tokens_per_pass  # a longer row is one pass
    fewest = min(enough, max(1, math.ceil(full / ranks)))
    dealt = _deal(lengths, order, enough * ranks)
    while fewest < enough:
        middle = (fewest + enough) // 2
        groups = _deal(lengths, order, middle * ranks)
        if all(len(group) == 1 or _tokens(lengths, group) <= tokens_per_pass for group in groups if group):
            enough, dealt = middle, groups
        else:
            fewest = middle + 1
    return _by_rank(lengths, dealt, ranks)


def _deal(lengths: Sequence[int], order: Sequence[int], groups: int) -> list[list[int]]:
    dealt: list[list[int]] = [[] for _ in range(groups)]
    emptiest = [(0, group) for group in range(groups)]
    for row in order:
        tokens, group = emptiest[0]
        dealt[group].append(row)
        heapq.heapreplace(emptiest, (tokens + lengths[row], group))
    return [sorted(group) for group in dealt]


def _by_rank(lengths: Sequence[int], groups: Sequence[list[int]], ranks: int) -> list[list[list[int]]]:
    """Groups of about one length at the same place of all ranks; the longest of them to whoever has least so far."""
    ordered = sorted(groups, key=lambda group: -_tokens(lengths, group))
    passes: list[list[list[int]]] = [[] for _ in range(ranks)]
    total = [0] * ranks
    for start in range(0, len(ordered), ranks):
        least_first = sorted(range(ranks), key=total.__getitem__)
        for rank, group in zip(least_first, ordered[start : start + ranks], strict=True):
            passes[rank].append(group)
            total[rank] += _tokens(lengths, group)
    return passes


def _tokens(lengths: Sequence[int], group: Sequence[int]) -> int:
    return sum(lengths[row] for row in group)
