"""The processes that take a training's steps together, and what they say to one another.

Ranks find each other by the variables that torchrun sets too: RANK, LOCAL_RANK, WORLD_SIZE, MASTER_ADDR and
MASTER_PORT. Tensors of processors go over gloo, those of accelerators over NCCL.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeAlias, TypeVar

import torch
from torch import Tensor

from longform_worker.failure import EngineFailure

_ResultT = TypeVar("_ResultT")
Distributed: TypeAlias = Any  # torch.distributed, whose types do not hold
Group: TypeAlias = Any

VARIABLES = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
# How long a rank waits for the others: in a step, and where one of them reads or writes files for all.
STEP_PATIENCE = timedelta(minutes=10)
FILE_PATIENCE = timedelta(hours=4)
BUCKET_BYTES = 64 << 20
# How gloo and NCCL say that the other side went away or did not come.
LOST = ("Connection", "connection", "Broken pipe", "Timed out", "timed out", "Timeout", "NCCL", "gloo", "Socket")
# The types of errors of the place where ranks meet, when others do not come or go before all have met.
NOBODY_CAME = ("DistNetworkError", "DistStoreError")


class Ranks:
    """This rank and its peers. One rank alone needs no peers and asks nobody."""

    def __init__(self, rank: int, local_rank: int, world_size: int) -> None:
        self.rank = rank
        self.local_rank = local_rank
        self.world_size = world_size
        self._patient: Group = None

    @classmethod
    def of_environment(cls) -> Ranks:
        """The rank that the environment names; 0 of 1 where it names none. Raises EngineFailure (launch_failed)."""
        found = {name: os.environ[name] for name in VARIABLES if name in os.environ}
        if "RANK" not in found and "WORLD_SIZE" not in found:
            return cls(0, 0, 1)
        missing = [name for name in VARIABLES if name not in found]
        # One process needs no rendezvous.
        if missing and (found.get("RANK", "0"), found.get("WORLD_SIZE", "1")) != ("0", "1"):
            raise _bad_rendezvous(f"{', '.join(missing)} are not set", f"{', '.join(VARIABLES)}", str(found))
        try:
            rank, local, world = (int(found.get(name, fallback)) for name, fallback in _COUNTS)
        except ValueError as error:
            raise _bad_rendezvous(str(error), "whole numbers", str(found)) from error
        if not 0 <= rank < world or local < 0:
            raise _bad_rendezvous(f"rank {rank} of {world}", "RANK from 0 to WORLD_SIZE - 1", str(found))
        return cls(rank, local, world)

    @property
    def leads(self) -> bool:
        """Whether this rank speaks for all."""
        return self.rank == 0

    def say(self, text: str) -> None:
        """A line for the log, from rank 0 alone; standard output may carry frames."""
        if self.leads:
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()

    def leader_does(self, work: Callable[[], _ResultT]) -> _ResultT:
        """What rank 0 finds out for all, as JSON holds it; an EngineFailure of its work is one on every rank."""
        result: Any = None
        failure: EngineFailure | None = None
        if self.leads:
            try:
                result = work()
            except EngineFailure as error:
                failure = error
        told = self.from_leader({"result": result, "failure": failure and failure.fields()})
        if failure is not None:
            raise failure
        if told["failure"] is not None:
            raise EngineFailure.of_fields(told["failure"])
        return told["result"]

    @contextmanager
    def together(self, *, always: bool) -> Generator[None]:
        """Meet the other ranks. ``always``: also where there is nobody to meet. The group lasts as long as the process.

        A peer that goes away ends as EngineFailure (node_lost) with the fact ``collective``: whoever supervises the
        ranks looks for the first cause elsewhere.
        """
        self._check_devices()
        try:
            if self.world_size > 1 or always:
                self._meet()
        except RuntimeError as error:
            raise self._not_met(error) from error
        try:
            yield
        except RuntimeError as error:
            if self.world_size > 1 and _is_lost(error):
                raise self._lost(error) from error
            raise

    def sums(self, values: Sequence[float]) -> list[float]:
        """Each value summed over all ranks, in float64."""
        return self._reduced(values, "SUM", None)

    def largest(self, values: Sequence[float], *, patient: bool = False) -> list[float]:
        """The largest of each value over all ranks. ``patient``: while one of them may be busy with files."""
        return self._reduced(values, "MAX", self._patient if patient else None)

    def collect(self, value: object) -> list[Any]:
        """What every rank gives, by rank; anything that JSON holds. Ranks may be busy with files."""
        if self.world_size == 1:
            return [value]
        body = torch.frombuffer(bytearray(json.dumps(value).encode()), dtype=torch.uint8)
        sizes = [torch.zeros(1, dtype=torch.int64) for _ in range(self.world_size)]
        _distributed().all_gather(sizes, torch.tensor([len(body)]), group=self._patient)
        longest = max(int(size) for size in sizes)
        bodies = [torch.zeros(longest, dtype=torch.uint8) for _ in range(self.world_size)]
        padded = torch.zeros(longest, dtype=torch.uint8)
        padded[: len(body)] = body
        _distributed().all_gather(bodies, padded, group=self._patient)
        return [json.loads(bytes(body[: int(size)].numpy()).decode()) for body, size in zip(bodies, sizes, strict=True)]

    def from_leader(self, value: object) -> Any:  # noqa: ANN401
        """What rank 0 gives; anything that JSON holds."""
        return self.collect(value if self.leads else None)[0]

    def wait(self) -> None:
        """Until every rank is here; they may be busy with files."""
        self.largest([0.0], patient=True)

    def sum_tensors(self, tensors: Sequence[Tensor]) -> None:
        """Sum tensors of one type and device over all ranks, in place and in buckets."""
        if self.world_size == 1:
            return
        bucket: list[Tensor] = []
        for index, tensor in enumerate(tensors):
            bucket.append(tensor)
            full = sum(one.nbytes for one in bucket) >= BUCKET_BYTES
            if full or index == len(tensors) - 1:
                flat = torch.cat([one.flatten() for one in bucket])
                _distributed().all_reduce(flat)
                start = 0
                for one in bucket:
                    one.copy_(flat[start : start + one.numel()].view_as(one))
                    start += one.numel()
                bucket = []

    def _reduced(self, values: Sequence[float], operation: str, group: Group) -> list[float]:
        if self.world_size == 1:
            return list(values)
        tensor = torch.tensor(list(values), dtype=torch.float64)
        library = _distributed()
        library.all_reduce(tensor, op=getattr(library.ReduceOp, operation), group=group)
        return [float(value) for value in tensor]

    def _check_devices(self) -> None:
        devices = torch.cuda.device_count()
        if not torch.cuda.is_available() or self.local_rank < devices:
            return
        raise EngineFailure(
            "spec_refused",
            f"resources.ranksPerNode asks for more ranks than this machine has accelerators: {devices};"
            " nodes that are agents on one machine share them.",
            field_path="training.resources.ranks_per_node",
            expected=f"at most {devices} ranks on one machine",
            found=f"at least {self.local_rank + 1}",
            rank=self.rank,
        )

    def _meet(self) -> None:
        library = _distributed()
        if not library.is_initialized():
            self._start(library)
        self._patient = library.new_group(timeout=FILE_PATIENCE, backend="gloo")
        # The first exchange over every way that steps take: what fails later fails because of another rank.
        self.wait()
        if self.world_size > 1:
            self.sums([0.0])
            if torch.cuda.is_available():
                library.all_reduce(torch.zeros(1, device="cuda"))
                torch.cuda.synchronize()

    def _start(self, library: Distributed) -> None:
        if torch.cuda.is_available():
            torch.cuda.set_device(self.local_rank)
        where: dict[str, object] = {"init_method": "env://"}
        if self.world_size == 1 and "MASTER_ADDR" not in os.environ:
            # Nobody to find: a store in memory needs no port.
            where = {"store": library.HashStore()}
            for name, value in (("RANK", "0"), ("LOCAL_RANK", "0"), ("WORLD_SIZE", "1")):
                os.environ.setdefault(name, value)  # DeepSpeed reads them
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        library.init_process_group(backend, rank=self.rank, world_size=self.world_size, timeout=STEP_PATIENCE, **where)

    def _not_met(self, error: RuntimeError) -> EngineFailure:
        """What kept the ranks from meeting: peers that did not come, or else this rank's own set-up."""
        if "EADDRINUSE" in str(error):
            place = f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}"
            return EngineFailure("address_in_use", f"{place}: {_first_sentence(error)}", rank=self.rank)
        if type(error).__name__ in NOBODY_CAME:
            return self._lost(error)
        sys.stderr.write(f"{error}\n")
        return EngineFailure(
            "launch_failed",
            f"Rank {self.rank} of {self.world_size} could not set up its exchange with others:"
            f" {_first_sentence(error)}",
            rank=self.rank,
            world_size=self.world_size,
        )

    def _lost(self, error: RuntimeError) -> EngineFailure:
        sys.stderr.write(f"{error}\n")
        return EngineFailure(
            "node_lost",
            f"Rank {self.rank} of {self.world_size} lost another rank: {_first_sentence(error)}",
            rank=self.rank,
            world_size=self.world_size,
            collective="true",
        )


_COUNTS = (("RANK", "0"), ("LOCAL_RANK", "0"), ("WORLD_SIZE", "1"))


def _distributed() -> Distributed:
    return importlib.import_module("torch.distributed")


def _first_sentence(error: RuntimeError) -> str:
    """The first sentence of an error of gloo or NCCL, without places in their sources; the log has all of it."""
    text = re.sub(r"\[?[^\s\[]*/\S*:\d+\]?,?", "", str(error).strip().partition("\n")[0])
    text = " ".join(re.sub(r"[^ -~]", " ", text).split())
    return text.partition(". ")[0][:120]


def _is_lost(error: RuntimeError) -> bool:
    return type(error).__name__.startswith("Dist") or any(word in str(error) for word in LOST)


def _bad_rendezvous(what: str, expected: str, found: str) -> EngineFailure:
    return EngineFailure(
        "launch_failed",
        f"The variables by which ranks find each other do not fit: {what}.",
        expected=expected,
        found=found,
    )
