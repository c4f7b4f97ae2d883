"""Cross entropy over a large vocabulary without ever holding the logits of all positions."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


class _WeightedCrossEntropy(torch.autograd.Function):
    """Sum of weight x cross entropy, a chunk of positions at a time.

    Each chunk's gradients are taken while its logits exist, so they are computed once and never
    stored: faster than recomputing them in the backward pass, and the peak is one chunk. That is
    possible because the weights are known beforehand and the result is one number.
    """

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        hidden_NH: Tensor,
        head_VH: Tensor,
        targets_N: Tensor,
        weights_N: Tensor,
        chunk_tokens: int,
    ) -> Tensor:
        hidden_gradient_NH = torch.empty_like(hidden_NH) if ctx.needs_input_grad[0] else None
        head_gradient_VH = torch.zeros_like(head_VH, dtype=torch.float32) if ctx.needs_input_grad[1] else None
        head_VH = head_VH.to(hidden_NH.dtype)
        total = hidden_NH.new_zeros((), dtype=torch.float32)
        for start in range(0, len(targets_N), chunk_tokens):
            piece = slice(start, start + chunk_tokens)
            logits_CV = (hidden_NH[piece] @ head_VH.T).float()
            targets_C = targets_N[piece, None]
            log_sums_C1 = logits_CV.logsumexp(dim=1, keepdim=True)
            losses_C1 = log_sums_C1 - logits_CV.gather(1, targets_C)
            total += (losses_C1[:, 0] * weights_N[piece]).sum()
            gradient_CV = logits_CV.sub_(log_sums_C1).exp_()  # the softmax; minus one at the target
            gradient_CV.scatter_add_(1, targets_C, gradient_CV.new_full((1, 1), -1.0).expand_as(targets_C))
            gradient_CV = gradient_CV.mul_(weights_N[piece, None]).to(hidden_NH.dtype)
            if hidden_gradient_NH is not None:
                torch.mm(gradient_CV, head_VH, out=hidden_gradient_NH[piece])
            if head_gradient_VH is not None:
                head_gradient_VH += gradient_CV.T @ hidden_NH[piece]
        ctx.save_for_backward(hidden_gradient_NH, head_gradient_VH)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        hidden_gradient_NH, head_gradient_VH = ctx.saved_tensors
        return (
            None if hidden_gradient_NH is None else hidden_gradient_NH * gradients[0],
            None if head_gradient_VH is None else head_gradient_VH * gradients[0],
            None,
            None,
            None,
        )


def weighted_cross_entropy(
    hidden_NH: Tensor, head_VH: Tensor, targets_N: Tensor, weights_N: Tensor, chunk_tokens: int
) -> Tensor:
    """Sum over N positions of weight x cross entropy of the head's logits with the target, float32.

    At most ``chunk_tokens`` positions have logits at one time. The softmax is taken in float32.
    """
    function: Any = _WeightedCrossEntropy  # torch does not type apply
    return function.apply(hidden_NH, head_VH, targets_N, weights_N, chunk_tokens)


def plain_cross_entropy(hidden_NH: Tensor, head_VH: Tensor, targets_N: Tensor, weights_N: Tensor) -> Tensor:
    """The same sum, with the logits of all positions at one time: quicker where there are few."""
    logits_NV = (hidden_NH @ head_VH.to(hidden_NH.dtype).T).float()
    return (functional.cross_entropy(logits_NV, targets_N, reduction="none") * weights_N).sum()


def greedy_hits(hidden_NH: Tensor, head_VH: Tensor, targets_N: Tensor, chunk_tokens: int) -> Tensor:
    """For N positions whether the target has the largest logit, bool [N], a chunk at a time."""
    pieces = [
        (hidden_NH[start : start + chunk_tokens] @ head_VH.T).argmax(dim=1) == targets_N[start : start + chunk_tokens]
        for start in range(0, len(targets_N), chunk_tokens)
    ]
    return torch.cat(pieces) if pieces else targets_N.new_zeros(0, dtype=torch.bool)
