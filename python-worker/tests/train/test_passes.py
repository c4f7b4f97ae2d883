from __future__ import annotations

import random

import pytest

from longform_worker.engines.train.passes import compose


def tokens(lengths: list[int], group: list[int]) -> int:
    return sum(lengths[row] for row in group)


@pytest.mark.parametrize("ranks", [1, 2, 3, 8])
@pytest.mark.parametrize("seed", range(6))
def test_every_row_is_in_one_pass_that_fits_and_all_ranks_have_equally_many(ranks: int, seed: int) -> None:
    generator = random.Random(seed)
    lengths = [generator.choice((20, 90, 400, 1500)) + generator.randrange(40) for _ in range(1 + 13 * seed)]
    passes = compose(lengths, 1000, ranks)
    assert sorted(row for of_rank in passes for group in of_rank for row in group) == list(range(len(lengths)))
    assert len({len(of_rank) for of_rank in passes}) == 1
    for group in (group for of_rank in passes for group in of_rank):
        assert len(group) <= 1 or tokens(lengths, group) <= 1000


def test_a_step_that_fits_one_pass_of_each_rank_takes_no_more() -> None:
    assert compose([50, 60, 40, 70], 220, 1) == [[[0, 1, 2, 3]]]
    assert compose([50, 60, 40, 70], 110, 2) == [[[2, 3]], [[0, 1]]]


def test_a_row_longer_than_a_pass_is_alone() -> None:
    (passes,) = compose([30, 500, 40], 100, 1)
    assert passes == [[1], [0, 2]]


def test_passes_and_ranks_have_about_equally_many_tokens() -> None:
    generator = random.Random(3)
    lengths = [generator.randrange(200, 4000) for _ in range(256)]
    passes = compose(lengths, 16_384, 4)
    sizes = [[tokens(lengths, group) for group in of_rank] for of_rank in passes]
    assert max(map(max, sizes)) < 1.05 * min(map(min, sizes))
    assert max(map(sum, sizes)) - min(map(sum, sizes)) < 200
    least = -(-sum(lengths) // (4 * 16_384))
    assert len(passes[0]) <= least + 1


def test_with_fewer_rows_than_ranks_some_passes_are_empty() -> None:
    assert sorted(compose([10, 20], 100, 3)) == [[[]], [[0]], [[1]]]


def test_a_budget_below_every_row_gives_each_its_own_pass() -> None:
    assert compose([10, 10, 10], 1, 1) == [[[0], [1], [2]]]
