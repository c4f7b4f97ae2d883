from collections import Counter
from typing import Any

import pytest
import torch
from generation_engine import dice
from transformers import TopKLogitsWarper, TopPLogitsWarper

from longform_worker.engines.generate.sampler import RowSettings, Sampler
from longform_worker.jobs import Sampling

CPU = torch.device("cpu")
WIDTH, END = 40, 3


def sampling(**changes: float) -> Sampling:
    base: dict[str, Any] = {"temperature": 1.0, "top_p": 1.0, "top_k": 0, "max_tokens": 9, "min_tokens": 0, "seed": 0}
    base.update(changes)
    return Sampling(**base)


def choose(logits: torch.Tensor, samplings: list[Sampling], draws: list[float], early: list[int]) -> list[int | None]:
    sampler = Sampler(WIDTH, forbidden=[5, 6], ends=[END], device=CPU)
    return sampler.choose(logits, RowSettings(samplings, CPU), draws, early)


def logits(rows: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(rows, WIDTH, generator=torch.Generator().manual_seed(seed)) * 2


@pytest.mark.parametrize(
    "settings",
    [{}, {"temperature": 0.6}, {"top_k": 7}, {"top_p": 0.8}, {"top_k": 12, "top_p": 0.7, "temperature": 1.3}],
)
def test_frequencies_follow_the_probabilities_that_the_library_would_draw_from(settings: dict[str, Any]) -> None:
    one, count = sampling(**settings), 20_000
    row = logits(1)
    expected = row.clone()
    expected[:, [5, 6]] = -torch.inf
    expected /= one.temperature
    if one.top_k:
        expected = TopKLogitsWarper(one.top_k)(torch.zeros(1, 1), expected)  # type: ignore[arg-type]
    if one.top_p < 1:
        expected = TopPLogitsWarper(one.top_p)(torch.zeros(1, 1), expected)  # type: ignore[arg-type]
    probability = expected.softmax(-1)[0]
    draw = dice(1)
    chosen = choose(row.expand(count, -1), [one] * count, [draw.random() for _ in range(count)], [])
    counts = Counter(chosen)
    for token in range(WIDTH):
        p = float(probability[token])
        assert (counts[token] == 0) == (p * count < 0.01) or p * count < 10
        assert abs(counts[token] / count - p) < 5 * (p * (1 - p) / count) ** 0.5 + 1e-9


def test_a_row_chooses_the_same_in_any_company() -> None:
    rows, draw = logits(12), dice(2)
    kinds = [sampling(), sampling(temperature=0), sampling(top_p=0.5), sampling(top_k=3, temperature=0.7)]
    samplings = [kinds[row % 4] for row in range(12)]
    draws = [draw.random() for _ in range(12)]
    drawn = [row for row in range(12) if samplings[row].temperature > 0]
    together = choose(rows, samplings, [draws[row] for row in drawn], [])
    for row in range(12):
        alone = choose(rows[row : row + 1], [samplings[row]], [draws[row]] if row in drawn else [], [])
        assert alone == [together[row]]


def test_a_forbidden_token_is_never_chosen_however_likely() -> None:
    rows = logits(200)
    rows[:, 5] = 50.0
    draw = dice(3)
    greedy = choose(rows, [sampling(temperature=0)] * 200, [], [])
    drawn = choose(rows, [sampling(temperature=2.0)] * 200, [draw.random() for _ in range(200)], [])
    assert not {5, 6} & {*greedy, *drawn}


def test_the_end_of_turn_waits_for_min_tokens_in_its_own_row_only() -> None:
    rows = logits(2)
    rows[:, END] = 50.0
    assert choose(rows, [sampling(temperature=0)] * 2, [], [0])[1] == END
    assert choose(rows, [sampling(temperature=0)] * 2, [], [0])[0] != END
    assert choose(rows, [sampling()] * 2, [0.5, 0.5], [1])[0] == END
    assert choose(rows, [sampling()] * 2, [0.5, 0.5], [1])[1] != END


@pytest.mark.parametrize("draw", [0.0, 1 - 2**-53])
@pytest.mark.parametrize("temperature", [1e-30, 1.0, 1e30])
def test_extreme_draws_and_temperatures_choose_a_token_that_may_be_chosen(draw: float, temperature: float) -> None:
    rows = logits(1)
    rows[:, -1] = -torch.inf
    (token,) = choose(rows, [sampling(temperature=temperature)], [draw], [])
    assert token is not None
    assert token not in {5, 6, WIDTH - 1}
    if temperature == 1e-30:
        assert token == choose(rows, [sampling(temperature=0)], [], [])[0]


def test_top_k_of_one_keeps_one_of_two_equal_tokens() -> None:
    rows = torch.zeros(1, WIDTH)
    assert {choose(rows, [sampling(top_k=1)], [draw / 10], [])[0] for draw in range(10)} == {0}


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_logits_that_are_not_numbers_are_reported_for_their_row_alone(broken: float) -> None:
    rows = logits(3)
    rows[1, 20] = broken
    chosen = choose(rows, [sampling(temperature=0), sampling(), sampling(temperature=0)], [0.5], [])
    assert chosen[1] is None
    assert [chosen[0], chosen[2]] == choose(rows[[0, 2]], [sampling(temperature=0)] * 2, [], [])
