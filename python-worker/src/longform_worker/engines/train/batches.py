"""Which rows make up which step: a pure function of the training's settings and the step, so that it resumes exactly.

Rows come in the order of (seed, epoch), epoch after epoch, and a step that an epoch's end leaves unfilled
goes on with the next epoch. Steps that lie wholly in one epoch and one round are taken up to eight at a
time: their rows are sorted by classes of length and cut into steps, so that rows of a step are about
equally long; the steps are then shuffled. So every row is used once an epoch, and when a training ends, no
row has been used two times more than another.

Inside a class the order is random, and the classes' bounds move from bucket to bucket. Sorting by the
exact length would be a trap: where length goes with content (English and Chinese rows of the miniature
differ by a few tokens), every step would hold one kind of row alone, and training stalls.
"""

from __future__ import annotations

import math
import random
from array import array
from collections.abc import Sequence
from functools import lru_cache
from typing import TypeVar

STEPS_IN_BUCKET = 8
LENGTH_CLASS = 1.15  # longest over shortest row of a class
_ItemT = TypeVar("_ItemT")


class StepRows:
    """Draws row numbers for the steps of a training of one or more rounds of ``steps`` steps.

    ``lengths`` holds the tokens of every row. No row is twice in a step unless a step takes more rows than there are.
    """

    def __init__(self, lengths: Sequence[int], steps: int, examples_per_step: int, seed: int) -> None:
        self._lengths = lengths
        self._classes = [math.log(length, LENGTH_CLASS) for length in lengths]
        self._steps = steps
        self._examples = examples_per_step
        self._seed = seed
        self._orders: list[array[int]] = []  # of the epochs so far: each depends on the one before
        self._bucket = lru_cache(maxsize=2)(self._steps_of_bucket)

    def __getitem__(self, step: int) -> list[int]:
        """Row numbers of a step, counted from 1, shortest row first."""
        first, last = self._bucket_of(step)
        return self._bucket(first, last)[step - first]

    def _bucket_of(self, step: int) -> tuple[int, int]:
        """First and last step of a step's bucket; a step with rows of two epochs is alone."""
        rows, examples = len(self._lengths), self._examples
        epoch = (step - 1) * examples // rows
        first_of_epoch, last_of_epoch = -(-epoch * rows // examples) + 1, (epoch + 1) * rows // examples
        if step > last_of_epoch:
            return step, step
        earlier_rounds = (step - 1) // self._steps * self._steps
        first = max(first_of_epoch, earlier_rounds + 1)
        last = min(last_of_epoch, earlier_rounds + self._steps)
        start = step - (step - first) % STEPS_IN_BUCKET
        return start, min(start + STEPS_IN_BUCKET - 1, last)

    def _steps_of_bucket(self, first: int, last: int) -> list[list[int]]:
        rows = [self._row(place) for place in range((first - 1) * self._examples, last * self._examples)]
        generator = random.Random(f"lengths {self._seed} {first}")  # noqa: S311
        bound = generator.random()
        keys = [(math.floor(self._classes[row] + bound), generator.random()) for row in rows]
        ordered = [rows[index] for index in sorted(range(len(rows)), key=keys.__getitem__)]
        steps = [ordered[start : start + self._examples] for start in range(0, len(rows), self._examples)]
        return _shuffled([sorted(step, key=self._lengths.__getitem__) for step in steps], f"{self._seed} {first}")

    def _row(self, place: int) -> int:
        epoch, index = divmod(place, len(self._lengths))
        while len(self._orders) <= epoch:
            self._orders.append(array("I", self._next_order()))
        return self._orders[epoch][index]

    def _next_order(self) -> list[int]:
        """A random order that fills the last step of the epoch before with rows which that step has not yet."""
        epoch, rows = len(self._orders), len(self._lengths)
        order = _shuffled(range(rows), f"epoch {self._seed} {epoch}")
        filling = -epoch * rows % self._examples
        if not filling:
            return order
        in_step = set(self._orders[-1][filling - self._examples :])
        start = [row for row in order if row not in in_step][:filling]
        filled = set(start)
        return start + [row for row in order if row not in filled]


def _shuffled(items: Sequence[_ItemT], seed: str) -> list[_ItemT]:
    """Sorted by random keys; of Python's generator only ``random`` is promised to stay as it is."""
    generator = random.Random(seed)  # noqa: S311
    keys = [generator.random() for _ in items]
    return [items[index] for index in sorted(range(len(items)), key=keys.__getitem__)]
