"""Activations computed again in the backward pass instead of kept."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from longform_worker.engines.train.tuning import trained_weights
from longform_worker.jobs import ModelPart, TrainingJob
from longform_worker.models.loaded import LoadedModel

WHOLE = "activations are recomputed"
REENTRANT = (
    "activations are recomputed reentrantly: at ZeRO stage 3 a weight is split again between the two passes, and the"
    " other way compares shapes of what it saves"
)


def recompute_activations(loaded: LoadedModel, job: TrainingJob) -> str:
    """Turn it on; returns how, and why so."""
    reentrant = job.zero.stage == 3
    loaded.model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": reentrant})
    if reentrant:
        _let_gradients_through(loaded)
    return REENTRANT if reentrant else WHOLE


def _let_gradients_through(loaded: LoadedModel) -> None:
    """Recomputing reentrantly gives gradients to weights only where an input asks for one, which what frozen
    embeddings put out does not."""
    model: Any = loaded.model
    parts = {loaded.adapter.part_of(name) for name in trained_weights(loaded)}
    if ModelPart.LANGUAGE in parts:
        model.get_input_embeddings().register_forward_hook(_asking)
    if ModelPart.VISION in parts:
        model.model.visual.patch_embed.register_forward_hook(_asking)


def _asking(_module: object, _inputs: object, output: Tensor) -> Tensor:
    return output if output.requires_grad else output.requires_grad_()
