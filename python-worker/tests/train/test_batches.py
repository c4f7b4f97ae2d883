from __future__ import annotations

import math
from collections import Counter

import pytest

from longform_worker.engines.train.batches import STEPS_IN_BUCKET, StepRows
from longform_worker.engines.train.schedule import learning_rate
from longform_worker.jobs import Schedule, ScheduleKind

LENGTHS = [(37 * number) % 101 + 20 for number in range(60)]


# Rows, epochs, examples a step, extra rounds: epochs longer and shorter than a bucket, and of a part of a step.
GRID = [
    (60, 8, 4, 0),
    (40, 1, 16, 0),
    (40, 1, 16, 2),
    (20, 3, 16, 0),
    (20, 3, 16, 1),
    (17, 5, 16, 1),
    (31, 9, 16, 0),
    (16, 4, 16, 1),
    (7, 5, 1, 2),
    (5, 7, 8, 1),
    (3, 4, 20, 1),
    (1, 3, 2, 1),
    (1480, 1, 64, 0),
    (1480, 3, 64, 1),
    (1480, 2, 7, 0),
    (1500, 7, 32, 1),
]


@pytest.mark.parametrize(("rows", "epochs", "examples", "extra_rounds"), GRID)
def test_every_row_is_used_once_an_epoch_and_no_row_twice_in_a_step(
    rows: int, epochs: int, examples: int, extra_rounds: int
) -> None:
    lengths = [(37 * number) % 101 + 20 for number in range(rows)]
    a_round = math.ceil(rows * epochs / examples)
    step_rows = StepRows(lengths, a_round, examples, seed=3)
    steps = [step_rows[step] for step in range(1, (1 + extra_rounds) * a_round + 1)]
    used: Counter[int] = Counter()
    for number, step in enumerate(steps, start=1):
        assert len(step) == examples
        assert rows < examples or len(set(step)) == examples
        used.update(step)
        whole_epochs, rest = divmod(number * examples, rows)
        # At the end of a round nothing is left out, and no step reaches further than the one that fills an epoch up.
        if number % a_round == 0 or rest < examples:
            assert all(whole_epochs <= used[row] <= whole_epochs + 1 for row in range(rows))
    assert used.total() == len(steps) * examples


def test_a_training_of_a_part_of_an_epoch_uses_no_row_twice() -> None:
    steps = StepRows(LENGTHS, 3, 4, seed=3)
    seen = Counter(row for step in range(1, 16) for row in steps[step])  # five rounds are an epoch
    assert seen == Counter(range(60))
    assert len({row for step in range(1, 4) for row in steps[step]}) == 12


def test_rows_depend_on_the_seed_and_the_step_alone() -> None:
    forward = [StepRows(LENGTHS, 1000, 4, seed=3)[step] for step in range(1, 60)]
    steps = StepRows(LENGTHS, 1000, 4, seed=3)
    assert [steps[step] for step in reversed(range(1, 60))] == forward[::-1]
    assert [StepRows(LENGTHS, 1000, 4, seed=4)[step] for step in range(1, 60)] != forward


def test_epochs_differ_in_their_order() -> None:
    steps = StepRows(LENGTHS[:32], 1000, 4, seed=3)  # an epoch is exactly one bucket
    first, second = ([steps[epoch * STEPS_IN_BUCKET + step] for step in range(1, 9)] for epoch in range(2))
    assert first != second
    assert sorted(row for step in first for row in step) == sorted(row for step in second for row in step)


def test_rows_of_a_step_are_about_equally_long() -> None:
    steps = StepRows(LENGTHS, 1000, 4, seed=3)
    spread = [
        max(LENGTHS[row] for row in steps[step]) - min(LENGTHS[row] for row in steps[step]) for step in range(1, 41)
    ]
    assert sum(spread) / len(spread) < 25
    for step in range(1, 41):
        assert [LENGTHS[row] for row in steps[step]] == sorted(LENGTHS[row] for row in steps[step])


def test_fewer_rows_than_a_step_needs_are_used_again() -> None:
    steps = StepRows([5, 6], 1000, 4, seed=3)
    assert Counter(row for step in range(1, 9) for row in steps[step]) == {0: 16, 1: 16}


@pytest.mark.parametrize("kind", list(ScheduleKind))
def test_the_rate_warms_up_to_the_peak_and_falls_to_its_end(kind: ScheduleKind) -> None:
    schedule = Schedule(kind=kind, warmup_fraction=0.1, final_fraction=0.05)
    rates = [learning_rate(step, 100, 2.0, schedule) for step in range(1, 101)]
    assert rates[0] == pytest.approx(0.2)
    assert rates[9] == 2.0
    assert rates[-1] == pytest.approx(2.0 if kind is ScheduleKind.CONSTANT else 0.1)
    assert rates[9:] == sorted(rates[9:], reverse=True)
    middle = {ScheduleKind.CONSTANT: 2.0, ScheduleKind.LINEAR: 1.05, ScheduleKind.COSINE: 1.05}
    assert rates[54] == pytest.approx(middle[kind])
    third = {ScheduleKind.CONSTANT: 2.0, ScheduleKind.LINEAR: 1.3666667, ScheduleKind.COSINE: 1.525}
    assert rates[39] == pytest.approx(third[kind])


def test_a_schedule_of_warm_up_alone_and_one_without_are_finite() -> None:
    alone = Schedule(kind=ScheduleKind.COSINE, warmup_fraction=1.0, final_fraction=0.0)
    assert [learning_rate(step, 2, 1.0, alone) for step in (1, 2)] == [0.5, 1.0]
    without = Schedule(kind=ScheduleKind.LINEAR, warmup_fraction=0.0, final_fraction=0.0)
    assert [learning_rate(step, 2, 1.0, without) for step in (1, 2)] == [0.5, 0.0]


def test_rows_that_differ_by_little_are_mixed() -> None:
    lengths = [40 if row % 2 else 41 for row in range(256)]  # as two languages would
    steps = StepRows(lengths, 1000, 16, seed=3)
    shares = [sum(row % 2 for row in steps[step]) / 16 for step in range(1, 161)]
    assert sum(0.2 < share < 0.8 for share in shares) > 0.6 * len(shares)


def test_rows_that_differ_by_much_are_not_mixed() -> None:
    lengths = [40 if row % 2 else 400 for row in range(256)]
    steps = StepRows(lengths, 1000, 16, seed=3)
    mixed = [step for step in range(1, 161) if 0 < sum(row % 2 for row in steps[step]) < 16]
    assert len(mixed) <= 160 / STEPS_IN_BUCKET
