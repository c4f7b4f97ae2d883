"""Peak memory of one side of the loss over a large vocabulary, in a process of its own.

Usage: python loss_memory.py ours|plain float32|bfloat16 VOCABULARY WIDTH TARGETS CHUNK_TOKENS; prints JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from longform_worker.engines.train.loss import weighted_cross_entropy


def plain(hidden_NH: Tensor, head_VH: Tensor, targets_N: Tensor, weights_N: Tensor) -> Tensor:
    """What a model with labels computes: all logits, in float32."""
    logits_NV = (hidden_NH @ head_VH.to(hidden_NH.dtype).T).float()
    return (cross_entropy(logits_NV, targets_N, reduction="none") * weights_N).sum()


def resident(field: str) -> int:
    """Bytes of memory of this process: VmRSS now, VmHWM the highest so far."""
    status = Path("/proc/self/status").read_text()
    return 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith(f"{field}:"))


def measure(
    side: str, precision: str, vocabulary: int, width: int, targets: int, chunk_tokens: int
) -> dict[str, float]:
    """Peak above the start, where hidden states and the head exist already, of one forward and backward."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(1)
    hidden_NH = torch.randn(targets, width, generator=generator)
    if precision == "bfloat16":
        hidden_NH = hidden_NH.bfloat16()
    hidden_NH.requires_grad_()
    head_VH = (torch.randn(vocabulary, width, generator=generator) / width**0.5).requires_grad_()
    targets_N = torch.randint(vocabulary, (targets,), generator=generator)
    weights_N = torch.full((targets,), 1 / targets)
    Path("/proc/self/clear_refs").write_text("5")  # the highest begins anew at what is resident now
    start, started = resident("VmRSS"), time.perf_counter()
    if side == "ours":
        loss = weighted_cross_entropy(hidden_NH, head_VH, targets_N, weights_N, chunk_tokens)
    else:
        loss = plain(hidden_NH, head_VH, targets_N, weights_N)
    torch.autograd.backward(loss)
    seconds = time.perf_counter() - started
    assert head_VH.grad is not None  # noqa: S101
    assert hidden_NH.grad is not None  # noqa: S101
    return {
        "bytes": resident("VmHWM") - start,
        "seconds": seconds,
        "loss": loss.item(),
        "headGradientNorm": float(head_VH.grad.float().norm()),
    }


if __name__ == "__main__":
    side, precision, *sizes = sys.argv[1:]
    vocabulary, width, targets, chunk_tokens = map(int, sizes)
    sys.stdout.write(json.dumps(measure(side, precision, vocabulary, width, targets, chunk_tokens)) + "\n")
