"""Where a training stands, and the checkpoint that says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from longform_worker.engines.train.backend.state import MOMENTS, WeightState
from longform_worker.models.tensors import StoredTensor, TensorFiles

OPTIMIZER = "optimizer"  # a folder of its own: it holds no weights


@dataclass(slots=True)
class Counters:
    """Where a training is: steps taken, targets so far, the last step's loss, the gate's last value.

    ``log`` has a line for each step and gate, in the names of the run's results: events may be lost with
    the runner, and the curve of a training must not depend on who was there to hear them.
    """

    step: int = 0
    target_tokens: int = 0
    final_loss: float = 0.0
    gate_value: float | None = None
    log: list[dict[str, object]] = field(default_factory=list[dict[str, object]])


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A complete checkpoint of this very training."""

    folder: Path
    counters: Counters

    def weights(self) -> TensorFiles:
        """Trained weights by their keys."""
        return TensorFiles(self.folder)

    def states(self, weights: Mapping[str, Tensor], keys: Mapping[str, str]) -> Iterator[tuple[Tensor, WeightState]]:
        """What each of these weights, given by name, goes on with."""
        whole, moments = self.weights(), TensorFiles(self.folder / OPTIMIZER)
        for name, weight in weights.items():
            key = keys[name]
            first, second = (StoredTensor(moments, f"{key}:{moment}") for moment in MOMENTS)
            yield weight, WeightState(StoredTensor(whole, key), first, second)
