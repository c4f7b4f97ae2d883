"""The trained model as a folder that opens wherever its base does: the same tensors under the same keys."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from longform_worker.engines.train.host_memory import free_memory_bytes
from longform_worker.engines.train.prove import prove_in_fresh_process, weights_bytes
from longform_worker.engines.train.saved import Counters
from longform_worker.engines.train.step import Trainer
from longform_worker.failure import EngineFailure
from longform_worker.models.folder import policy_record, publishing, refuse_model, weights_sha256
from longform_worker.models.loaded import DTYPES
from longform_worker.models.tensors import TensorFiles, write_tensors

LOG_FILE = "training-log.jsonl"
SHARD_BYTES = 5 << 30
LIBRARY_BYTES = 1 << 29  # what a process with torch takes before it has a model


class ExportStopped(Exception):
    """The export was asked to end, and has published nothing."""


def export_model(trainer: Trainer, counters: Counters, asked: Callable[[], bool]) -> str:
    """Publish the trained model folder in the job's number format; returns the hash of its weights.

    Weights are put together one by one by all ranks and written by rank 0. Before the folder is published, a fresh
    process has opened it and written a token about an image. Raises EngineFailure (model_refused) when it cannot, and
    ExportStopped on all ranks when ``asked`` says so on one of them before that is proven.
    """
    weights, ranks = _exported(trainer, asked), trainer.ranks
    if not ranks.leads:
        for _ in weights:  # takes part in putting them together
            pass
        found = ranks.leader_does(str)
        if not found:
            raise ExportStopped
        ranks.wait()
        return found
    facts: dict[str, Any] = {
        "kind": "model",
        "vision_policy": policy_record(trainer.job.vision_policy),
        "prompt_layout": str(trainer.job.prompt_layout),
        "steps": counters.step,
        "gradient_checkpointing": trainer.checkpointing,
    }
    with publishing(Path(trainer.job.output_path), facts) as folder:
        trainer.base.copy_small_files(folder)
        _write_shards(trainer, weights, folder)
        facts["weights_sha256"] = ranks.leader_does(lambda: _proven(trainer, folder, asked))
        if not facts["weights_sha256"]:
            raise ExportStopped
    ranks.wait()
    return facts["weights_sha256"]


def _proven(trainer: Trainer, folder: Path, asked: Callable[[], bool]) -> str:
    """The hash of the weights of a folder that is a model; empty when it was asked to end first."""
    _check_against_base(trainer, folder)
    found = weights_sha256(folder)
    needed, free = weights_bytes(folder) + LIBRARY_BYTES, free_memory_bytes()
    if free < needed:
        trainer.ranks.say(
            f"The model is too large to be opened beside the training ({free} bytes of memory are free, it needs"
            f" {needed}): its header, keys and shapes are proven, and no token was written."
        )
        return found
    return found if prove_in_fresh_process(folder, trainer.job.precision, asked) else ""


def export_log(trainer: Trainer, counters: Counters) -> None:
    """Write the training's log beside its model folder, one JSON object a line."""
    if trainer.ranks.leads:
        lines = [f"{json.dumps(line)}\n" for line in counters.log]
        Path(trainer.job.output_path).with_name(LOG_FILE).write_text("".join(lines), encoding="utf-8")


def _exported(trainer: Trainer, asked: Callable[[], bool]) -> Iterator[tuple[str, Tensor]]:
    """Every tensor of the base under its key: trained, merged, or as it was. Collective."""
    base, dtype = trainer.base.tensors, DTYPES[trainer.job.precision]
    trained = {trainer.keys[name]: weight for name, weight in trainer.weights.items()}
    adapted = _adapted_keys(trainer)
    moved = False
    for key in base.keys():  # noqa: SIM118
        # Rank 0 may be writing a file, which may take longer than a step may.
        if trainer.ranks.largest([asked()], patient=True)[0]:
            raise ExportStopped
        source = trainer.base.tied.get(key, key)
        if source in trained:
            whole = trainer.backend.whole(trained[source], None)
            if trainer.ranks.leads:
                yield key, (whole.clone() if source != key else whole).to(dtype).cpu()
        elif source in adapted:
            down, up = (trainer.backend.whole(trainer.weights[name], None) for name in adapted[source])
            moved = moved or bool(up.any())
            if trainer.adapters is not None and trainer.ranks.leads:
                yield key, trainer.adapters.merged(base.read(source), down.cpu(), up.cpu()).to(dtype)
        elif trainer.ranks.leads:
            weight = base.read(key)
            yield key, weight.to(dtype) if weight.is_floating_point() else weight
    if adapted and not moved:
        raise EngineFailure(
            "loss_diverged",
            f"None of the adapters on {len(adapted)} layers has moved: the trained model would equal its base.",
            layers=len(adapted),
        )


def _adapted_keys(trainer: Trainer) -> Mapping[str, tuple[str, str]]:
    """Of every layer with an adapter the key of its weight, and the names of the adapter's two matrices."""
    adapters = trainer.adapters
    if adapters is None:
        return {}
    return {
        trainer.base.keys[f"{layer}.weight"]: (adapters.down(layer), adapters.up(layer)) for layer in adapters.layers
    }


def _write_shards(trainer: Trainer, weights: Iterator[tuple[str, Tensor]], folder: Path) -> None:
    """One file, or several with their index; at most one is in memory."""
    shards = _shards(trainer)
    index: dict[str, str] = {}
    for number, keys in enumerate(shards, start=1):
        name = f"model-{number:05d}-of-{len(shards):05d}.safetensors" if len(shards) > 1 else "model.safetensors"
        tensors = {key: weight.contiguous() for key, weight in _next(weights, len(keys))}
        write_tensors(tensors, folder / name)
        index.update(dict.fromkeys(tensors, name))
    if next(weights, None) is not None:
        raise EngineFailure("internal", "More weights were put together than the base has.")
    if len(shards) > 1:
        body = {"metadata": {}, "weight_map": dict(sorted(index.items()))}
        (folder / "model.safetensors.index.json").write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")


def _next(weights: Iterator[tuple[str, Tensor]], count: int) -> Iterator[tuple[str, Tensor]]:
    for _ in range(count):
        yield next(weights)


def _shards(trainer: Trainer) -> list[list[str]]:
    base, width = trainer.base.tensors, DTYPES[trainer.job.precision].itemsize
    shards: list[list[str]] = [[]]
    used = 0
    for key in base.keys():  # noqa: SIM118
        size = base.numbers(key) * width
        if used and used + size > SHARD_BYTES:
            shards.append([])
            used = 0
        shards[-1].append(key)
        used += size
    return shards


def _check_against_base(trainer: Trainer, folder: Path) -> None:
    """Split weights that were not put together would be empty or lacking: compare with the base's shapes."""
    base, made = trainer.base.tensors, TensorFiles(folder)
    if set(base.keys()) != set(made.keys()):
        differing = sorted(set(base.keys()) ^ set(made.keys()))[:5]
        raise refuse_model(folder, f"the {len(base.keys())} tensors of its base", f"other keys: {differing}")
    for key in base.keys():  # noqa: SIM118
        if made.shape(key) != base.shape(key):
            raise refuse_model(folder, f"{key} of shape {base.shape(key)}", f"{made.shape(key)}")
