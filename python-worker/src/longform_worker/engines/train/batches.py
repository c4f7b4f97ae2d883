"""Which rows make up which step: a pure function of seed and step, so that a resumed training goes on exactly.

Rows come in the order of (seed, epoch), epoch after epoch. Eight steps' worth of them at a time are
sorted by classes of length and cut into steps, so that rows of a step are about equally long; the eight
are then shuffled. Every row is used once an epoch.

Inside a class the order is random, and the classes' bounds move from bucket to bucket. Sorting by the
exact length would be a trap: where length goes with content (English and Chinese rows of the miniature
differ by a few tokens), every step would hold one kind of row alone, and training stalls.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from functools import lru_cache
from typing import TypeVar

STEPS_IN_BUCKET = 8
LENGTH_CLASS = 1.15  # longest over shortest row of a class
_ItemT = TypeVar("_ItemT")


class StepRows:
    """Draws row numbers for steps. ``lengths`` holds the tokens of every row."""

    def __init__(self, lengths: Sequence[int], examples_per_step: int, seed: int) -> None:
        self._lengths = lengths
        self._classes = [math.log(length, LENGTH_CLASS) for length in lengths]
        self._examples = examples_per_step
        self._seed = seed
        self._order = lru_cache(maxsize=4)(self._order_of_epoch)
        self._bucket = lru_cache(maxsize=2)(self._steps_of_bucket)

    def __getitem__(self, step: int) -> list[int]:
        """Row numbers of a step, counted from 1, shortest row first."""
        bucket, place = divmod(step - 1, STEPS_IN_BUCKET)
        return self._bucket(bucket)[place]

    def _steps_of_bucket(self, bucket: int) -> list[list[int]]:
        size = STEPS_IN_BUCKET * self._examples
        rows = [self._row(place) for place in range(bucket * size, (bucket + 1) * size)]
        generator = random.Random(f"lengths {self._seed} {bucket}")  # noqa: S311
        bound = generator.random()
        keys = [(math.floor(self._classes[row] + bound), generator.random()) for row in rows]
        ordered = [rows[index] for index in sorted(range(size), key=keys.__getitem__)]
        steps = [ordered[start : start + self._examples] for start in range(0, size, self._examples)]
        return _shuffled([sorted(step, key=self._lengths.__getitem__) for step in steps], f"{self._seed} {bucket}")

    def _row(self, place: int) -> int:
        epoch, index = divmod(place, len(self._lengths))
        return self._order(epoch)[index]

    def _order_of_epoch(self, epoch: int) -> list[int]:
        return _shuffled(range(len(self._lengths)), f"epoch {self._seed} {epoch}")


def _shuffled(items: Sequence[_ItemT], seed: str) -> list[_ItemT]:
    """Sorted by random keys; of Python's generator only ``random`` is promised to stay as it is."""
    generator = random.Random(seed)  # noqa: S311
    keys = [generator.random() for _ in items]
    return [items[index] for index in sorted(range(len(items)), key=keys.__getitem__)]
