"""How ranks meet, and what is said of those that do not."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
import torch

from longform_worker.engines.train.backend.ranks import Ranks
from longform_worker.failure import EngineFailure

distributed: Any = importlib.import_module("torch.distributed")


def test_a_rank_without_an_accelerator_of_its_own_is_refused_before_it_waits_for_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = {"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}
    for name, value in place.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(EngineFailure) as caught, Ranks.of_environment().together(always=False):
        pass
    failure = caught.value
    assert (failure.code, failure.field_path) == ("spec_refused", "training.resources.ranks_per_node")
    assert (failure.facts["expected"], failure.facts["found"]) == ("at most 1 ranks on one machine", "at least 2")


@pytest.mark.parametrize(
    ("raised", "code", "detail"),
    [
        (
            RuntimeError("[/pytorch/gloo/transport/tcp/device.cc:84] Unable to find address for: eth7"),
            "launch_failed",
            "Rank 0 of 2 could not set up its exchange with others: Unable to find address for: eth7",
        ),
        (
            distributed.DistBackendError("NCCL error in: /torch/csrc/NCCL.cpp:77, bad driver\nncclError: x"),
            "launch_failed",
            "Rank 0 of 2 could not set up its exchange with others: NCCL error in: bad driver",
        ),
        (
            distributed.DistNetworkError("\N{CROSS MARK} The client socket has timed out. Tried 7 times."),
            "node_lost",
            "Rank 0 of 2 lost another rank: The client socket has timed out",
        ),
    ],
)
def test_what_fails_before_ranks_have_met_is_a_ranks_own_unless_nobody_came(
    monkeypatch: pytest.MonkeyPatch, raised: RuntimeError, code: str, detail: str
) -> None:
    def meet(_: Ranks) -> None:
        raise raised

    monkeypatch.setattr(Ranks, "_meet", meet)
    with pytest.raises(EngineFailure) as caught, Ranks(0, 0, 2).together(always=False):
        pass
    assert (caught.value.code, caught.value.detail) == (code, detail)
    assert caught.value.facts.get("collective") == ("true" if code == "node_lost" else None)
