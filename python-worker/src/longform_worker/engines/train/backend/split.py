"""Weights that DeepSpeed splits over the ranks at stage 3: their shapes, and how they are filled one by one."""

from __future__ import annotations

import importlib
import logging
import math
import os
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeAlias

import torch
from torch import Tensor

from longform_worker.engines.train.backend.ranks import Ranks

DeepSpeed: TypeAlias = Any


@cache
def deepspeed() -> DeepSpeed:
    """The library, quiet, and told not to look for accelerators on a machine without one."""
    if not torch.cuda.is_available():
        os.environ["DS_ACCELERATOR"] = "cpu"
    # DeepSpeed calls collectives by names that torch is about to change; a job's log need not say so each time.
    warnings.filterwarnings("ignore", r"`torch\.distributed\.\w+` is deprecated", FutureWarning)
    library: Any = importlib.import_module("deepspeed")
    logging.getLogger("DeepSpeed").setLevel(logging.WARNING)
    # An all-reduce over shared memory that takes 90 seconds to compile; ranks on processors do without it.
    library.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    return library


def shape_of(weight: Tensor) -> Sequence[int]:
    """Shape of a weight; DeepSpeed keeps that of a split one beside it."""
    return getattr(weight, "ds_shape", weight.shape)


def count(weight: Tensor) -> int:
    """Numbers in a weight, however it is split."""
    return math.prod(shape_of(weight))


def is_split(weight: Tensor) -> bool:
    """Whether each rank holds a part of it alone."""
    return hasattr(weight, "ds_id")


def fill(weight: Tensor, read: Callable[[], Tensor], ranks: Ranks) -> None:
    """Set a weight, split or whole. Rank 0 alone reads what is then split over all ranks."""
    with torch.no_grad():
        if not is_split(weight):
            weight.copy_(read())
            return
        with deepspeed().zero.GatheredParameters([weight], modifier_rank=0):
            if ranks.leads:
                weight.copy_(read())
