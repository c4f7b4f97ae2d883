"""Which weights move: parts of the model's own, or low-rank adapters beside them."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor

from longform_worker.data.rows import read_training_rows
from longform_worker.engines.train.backend.split import shape_of
from longform_worker.engines.train.backend.state import WeightGroup
from longform_worker.failure import EngineFailure
from longform_worker.jobs import LoraTuning, ModelPart, Optimizer, TrainingJob
from longform_worker.models.loaded import LoadedModel

Peft: TypeAlias = Any
ADAPTER = "default"


@dataclass(frozen=True, slots=True)
class Adapters:
    """Low-rank adapters by the names of the layers they are on, and how many each part has."""

    layers: tuple[str, ...]
    scale: float
    of_part: Mapping[ModelPart, int]

    def told(self) -> str:
        """Which parts have how many, for the log."""
        parts = [f"{count} of {part.removeprefix('MODEL_PART_').lower()}" for part, count in self.of_part.items()]
        return f"Adapters on linear layers: {', '.join(parts)}."

    def down(self, layer: str) -> str:
        """Name of the matrix [rank, in] that an input goes through first."""
        return f"{layer}.lora_A.{ADAPTER}.weight"

    def up(self, layer: str) -> str:
        """Name of the matrix [out, rank] that follows; zero at the start."""
        return f"{layer}.lora_B.{ADAPTER}.weight"

    def merged(self, base: Tensor, down: Tensor, up: Tensor) -> Tensor:
        """The layer's weight with its adapter in it, in float32."""
        return base.float() + self.scale * (up.float() @ down.float())


def choose_weights(loaded: LoadedModel, job: TrainingJob) -> Adapters | None:
    """Freeze what stays as it is and put adapters where the job wants them.

    Raises EngineFailure (spec_refused) when nothing is left to train or a target has no layer.
    """
    if job.tuning.lora is not None:
        return _put_adapters(loaded, job.tuning.lora, job.seed)
    _freeze(loaded, job.tuning.full.frozen_parts if job.tuning.full else ())
    return None


def check_images_where_needed(job: TrainingJob) -> None:
    """Look into the rows where weights move that images alone reach.

    Raises EngineFailure (spec_refused) naming the tuning when no row has an image: nothing would move.
    """
    full, lora = job.tuning.full, job.tuning.lora
    moving = lora.targets if lora else [part for part in ModelPart if full is None or part not in full.frozen_parts]
    if not moving or ModelPart.LANGUAGE in moving:
        return
    rows = Path(job.rows_path)
    if any(row.images for row in read_training_rows(rows)):
        return
    names = ", ".join(part.removeprefix("MODEL_PART_").lower() for part in moving)
    raise EngineFailure(
        "spec_refused",
        f"No row has an image, and only {names} would move: nothing would be trained.",
        field_path="training.tuning.lora.targets" if lora else "training.tuning.full.frozen_parts",
        file=rows,
        expected="rows with images, or the language part among what moves",
        found="no row with an image",
    )


def weight_groups(loaded: LoadedModel, settings: Optimizer) -> list[WeightGroup]:
    """The weights that move, by learning rate and decay: matrices decay, norms and biases (one dimension) do not."""
    rates = {one.part: one.peak_learning_rate for one in settings.part_learning_rates}
    groups: dict[tuple[float, float], dict[str, Tensor]] = {}
    for name, weight in trained_weights(loaded).items():
        rate = rates.get(loaded.adapter.part_of(name), settings.peak_learning_rate)
        decay = settings.weight_decay if len(shape_of(weight)) > 1 else 0.0
        groups.setdefault((rate, decay), {})[name] = weight
    return [WeightGroup(rate, decay, weights) for (rate, decay), weights in groups.items()]


def trained_weights(loaded: LoadedModel) -> dict[str, Tensor]:
    """The weights that move, by name."""
    return {name: weight for name, weight in loaded.model.named_parameters() if weight.requires_grad}


def _freeze(loaded: LoadedModel, frozen_parts: Sequence[ModelPart]) -> None:
    trainable = 0
    for name, parameter in loaded.model.named_parameters():
        parameter.requires_grad_(loaded.adapter.part_of(name) not in frozen_parts)
        trainable += parameter.requires_grad
    if not trainable:
        raise EngineFailure(
            "spec_refused",
            "frozenParts names every part of the model; nothing is left to train.",
            field_path="training.tuning.full.frozen_parts",
            expected="at least one part left out",
            found=", ".join(frozen_parts),
        )


def _put_adapters(loaded: LoadedModel, lora: LoraTuning, seed: int) -> Adapters:
    """Adapters in the number format of the model's weights, so that every back end may put both in one."""
    by_part = {part: tuple(loaded.adapter.linear_layers(loaded.model, part, lora.layers)) for part in lora.targets}
    for part, layers in by_part.items():
        if not layers:
            raise EngineFailure(
                "spec_refused",
                f"tuning.targets names {part}, which has no linear layer of {lora.layers}.",
                field_path="training.tuning.lora.targets",
                expected="parts with such layers",
                found=part,
            )
    names = [name for layers in by_part.values() for name in layers]
    peft: Peft = importlib.import_module("peft")
    config = peft.LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=names,
        bias="none",
    )
    torch.manual_seed(seed)  # pyright: ignore[reportUnknownMemberType]  # equal on every rank
    peft.inject_adapter_in_model(config, loaded.model, adapter_name=ADAPTER)
    for name, weight in trained_weights(loaded).items():
        if weight.dtype is not loaded.model.dtype:
            raise EngineFailure("internal", f"The adapter {name} is {weight.dtype} beside {loaded.model.dtype}.")
    got = {name.rpartition(".lora_A.")[0] for name in trained_weights(loaded) if ".lora_A." in name}
    if got != set(names):
        raise EngineFailure("internal", f"Adapters are on {len(got)} layers instead of {len(names)}.")
    return Adapters(tuple(names), lora.alpha / lora.rank, {part: len(layers) for part, layers in by_part.items()})
