from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from longform_worker.engines.train.loss import greedy_hits, weighted_cross_entropy


def tensors(positions: int, width: int, vocabulary: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    hidden_NH = torch.randn(positions, width, generator=generator).requires_grad_()
    head_VH = torch.randn(vocabulary, width, generator=generator).requires_grad_()
    targets_N = torch.randint(vocabulary, (positions,), generator=generator)
    weights_N = torch.rand(positions, generator=generator)
    return hidden_NH, head_VH, targets_N, weights_N


def plain(hidden_NH: Tensor, head_VH: Tensor, targets_N: Tensor, weights_N: Tensor) -> Tensor:
    return (functional.cross_entropy(hidden_NH @ head_VH.T, targets_N, reduction="none") * weights_N).sum()


@pytest.mark.parametrize("chunk", [1, 7, 64, 1_000])
def test_loss_and_gradients_equal_plain_cross_entropy(chunk: int) -> None:
    inputs = tensors(50, 16, 97)
    expected = plain(*inputs)
    expected_gradients = torch.autograd.grad(3 * expected, inputs[:2])
    found = weighted_cross_entropy(*inputs, chunk)
    found_gradients = torch.autograd.grad(3 * found, inputs[:2])
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)
    for one, other in zip(found_gradients, expected_gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_a_frozen_head_gets_no_gradient_and_the_hidden_states_keep_theirs() -> None:
    hidden_NH, head_VH, targets_N, weights_N = tensors(20, 16, 31)
    expected = torch.autograd.grad(plain(hidden_NH, head_VH, targets_N, weights_N), hidden_NH)[0]
    frozen = head_VH.detach()
    found = torch.autograd.grad(weighted_cross_entropy(hidden_NH, frozen, targets_N, weights_N, 8), hidden_NH)[0]
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_bfloat16_hidden_states_give_a_float32_loss_near_the_exact_one() -> None:
    hidden_NH, head_VH, targets_N, weights_N = tensors(50, 16, 97)
    found = weighted_cross_entropy(hidden_NH.to(torch.bfloat16), head_VH, targets_N, weights_N, 16)
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(plain(hidden_NH, head_VH, targets_N, weights_N).item(), rel=0.02)


def test_greedy_hits_are_where_the_target_has_the_largest_logit() -> None:
    hidden_NH, head_VH, _, _ = tensors(50, 16, 97)
    best_N = (hidden_NH @ head_VH.T).argmax(dim=1)
    targets_N = torch.where(torch.arange(50) % 3 == 0, (best_N + 1) % 97, best_N)
    hits_N = greedy_hits(hidden_NH, head_VH, targets_N, 8)
    assert torch.equal(hits_N, torch.arange(50) % 3 != 0)


MEASURE = """
import resource, sys, torch
from longform_worker.engines.train.loss import weighted_cross_entropy
positions, vocabulary, width = 1_024, 32_768, 32
hidden = torch.randn(positions, width, requires_grad=True)
head = torch.randn(vocabulary, width, requires_grad=True)
start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
targets, weights = torch.randint(vocabulary, (positions,)), torch.ones(positions)
weighted_cross_entropy(hidden, head, targets, weights, 64).backward()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start)
"""


def test_logits_of_all_positions_never_exist() -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": "src", "OMP_NUM_THREADS": "1"},
        cwd=Path(__file__).parents[2],
    )
    whole_kilobytes = 1_024 * 32_768 * 4 // 1_024
    assert int(done.stdout) < whole_kilobytes // 2
