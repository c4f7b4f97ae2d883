"""Checkpoints that a later attempt goes on from, with as many ranks and at whatever stage it likes.

A checkpoint holds every trained weight in float32 and its two moments, whole. They are dealt out over the ranks, each
of which writes its own as safetensors; nothing is pickled, and what stays frozen is not copied. The manifest, written
last, names every file with its SHA-256.
"""

from __future__ import annotations

import glob
import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from longform_worker.engines.train.backend.ranks import Ranks
from longform_worker.engines.train.backend.split import count
from longform_worker.engines.train.backend.state import MOMENTS
from longform_worker.engines.train.disk import KEPT
from longform_worker.engines.train.publish import Pieces, Share, publishing_together
from longform_worker.engines.train.saved import OPTIMIZER, Checkpoint, Counters
from longform_worker.engines.train.step import Trainer
from longform_worker.failure import EngineFailure
from longform_worker.jobs import TrainingJob
from longform_worker.models.folder import clear_unpublished, file_sha256, read_manifest

CHECKPOINTS = "step-????????"


def clear_leftovers(job: TrainingJob) -> None:
    """Remove what attempts of this training that were killed have left half written."""
    output = Path(job.output_path)
    clear_unpublished(output.parent, glob.escape(output.name))
    clear_unpublished(Path(job.checkpoint_path), CHECKPOINTS)


def save_checkpoint(trainer: Trainer, counters: Counters, identity: str) -> Path:
    """Publish a checkpoint of the current step and drop all but the newest ones. All ranks write."""
    root = Path(trainer.job.checkpoint_path)
    target = root / f"step-{counters.step:08d}"
    facts: dict[str, Any] = {
        "kind": "checkpoint",
        "training": identity,
        "counters": asdict(counters),
        "ranks": trainer.ranks.world_size,
        "zero_stage": trainer.job.zero.stage,
        "gradient_checkpointing": trainer.checkpointing,
    }
    facts["seal"] = _seal(facts)
    with publishing_together(trainer.ranks, target, facts) as share:
        _write_share(trainer, share)
        if trainer.ranks.leads:
            trainer.base.copy_small_files(share.folder)
        weights: dict[str, str] = {}
        for found in trainer.ranks.collect({key: file for key, file in share.keys.items() if "/" not in file}):
            weights.update(found)
        if trainer.ranks.leads and trainer.adapters is None:
            _write_index(share.folder, weights)
    if trainer.ranks.leads:
        older = sorted(folder for folder in root.glob(CHECKPOINTS) if folder.name < target.name)
        for old in older[: len(older) - (KEPT - 1)]:
            shutil.rmtree(old)
    trainer.ranks.wait()
    return target


def drop_checkpoints(job: TrainingJob) -> None:
    """Remove what a training that is done needs no more."""
    root = Path(job.checkpoint_path)
    for folder in root.glob(CHECKPOINTS):
        shutil.rmtree(folder)
    if root.is_dir() and not any(root.iterdir()):
        root.rmdir()


def find_checkpoint(ranks: Ranks, job: TrainingJob, identity: str) -> Checkpoint | None:
    """The newest complete checkpoint; None when there is none. Ranks share out the work of checking it.

    A folder whose files differ from its manifest counts as none and is removed: by its name it would count as one of
    the newest that are kept. Raises EngineFailure: spec_refused for a checkpoint of another training, model_refused
    for a manifest that cannot be read.
    """
    root = Path(job.checkpoint_path)
    names: list[str] = ranks.from_leader(sorted((folder.name for folder in root.glob(CHECKPOINTS)), reverse=True))
    damaged: list[Path] = []
    for folder in (root / name for name in names):
        facts: dict[str, Any] | None = ranks.leader_does(lambda folder=folder: _sealed_facts(folder))
        if facts is None or ranks.largest([_damaged(folder, facts, ranks)], patient=True)[0]:
            damaged.append(folder)
            continue
        if facts["training"] != identity:
            raise EngineFailure(
                "spec_refused",
                f"{folder} is a checkpoint of another training: its model, rows or settings differ from this job's.",
                field_path="training.checkpoint_path",
                expected=identity,
                found=facts["training"],
            )
        _remove_damaged(damaged, ranks)
        was = (facts["ranks"], facts["zero_stage"])
        now = (ranks.world_size, job.zero.stage)
        changed = f"; written by {was[0]} ranks at ZeRO stage {was[1]}, read by {now[0]} at {now[1]}"
        ranks.say(f"Going on from {folder}{changed if was != now else ''}")
        return Checkpoint(folder, Counters(**facts["counters"]))
    _remove_damaged(damaged, ranks)
    return None


def _remove_damaged(folders: Sequence[Path], ranks: Ranks) -> None:
    for folder in folders:
        ranks.say(f"{folder} is damaged and removed")
        if ranks.leads:
            shutil.rmtree(folder)
    ranks.wait()


def _write_share(trainer: Trainer, share: Share) -> None:
    """Every rank takes part in putting every weight together and writes those that are dealt to it."""
    rank, adapters = trainer.ranks.rank, trainer.adapters is not None
    mine = _dealt(trainer)[rank]
    weights = Pieces(share, f"{'adapter' if adapters else 'model'}-{rank:05d}")
    moments = Pieces(share, f"{OPTIMIZER}/moments-{rank:05d}")
    for name, weight in trainer.weights.items():
        key = trainer.keys[name]
        trainer.ranks.wait()  # whoever writes a piece may take longer than a step may
        for moment in (None, *MOMENTS):
            whole = trainer.backend.whole(weight, moment)
            if whole.numel() != count(weight) or not whole.numel():
                raise EngineFailure("internal", f"{name} came back with {whole.numel()} of {count(weight)} numbers.")
            if name not in mine:
                continue
            whole = whole.float().cpu().contiguous()
            if moment is None:
                weights.add(key, whole)
            else:
                moments.add(f"{key}:{moment}", whole)
    weights.close()
    moments.close()


def _dealt(trainer: Trainer) -> list[set[str]]:
    """Names of weights by the rank that writes them: about equally many numbers each."""
    dealt: list[set[str]] = [set() for _ in range(trainer.ranks.world_size)]
    numbers = [0] * len(dealt)
    for name, weight in sorted(trainer.weights.items(), key=lambda item: (-count(item[1]), item[0])):
        rank = numbers.index(min(numbers))
        dealt[rank].add(name)
        numbers[rank] += count(weight)
    return dealt


def _write_index(folder: Path, weights: Mapping[str, str]) -> None:
    """So that a checkpoint of all weights opens as a model."""
    index = {"metadata": {}, "weight_map": dict(sorted(weights.items()))}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")


def _seal(facts: Mapping[str, Any]) -> str:
    body = {name: value for name, value in facts.items() if name not in ("format", "files", "seal")}
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _sealed_facts(folder: Path) -> dict[str, Any] | None:
    """The manifest, when it is there and says what was written into it."""
    try:
        facts = read_manifest(folder)
    except EngineFailure as failure:
        if isinstance(failure.__cause__, OSError):  # a disk that does not answer says nothing about the file
            raise
        return None
    return facts if facts.get("files") and facts.get("seal") == _seal(facts) else None


def _damaged(folder: Path, facts: Mapping[str, Any], ranks: Ranks) -> bool:
    """Whether one of the files that this rank looks at is not the one that was written."""
    files: list[tuple[str, dict[str, Any]]] = sorted(facts["files"].items())
    mine = files[ranks.rank :: ranks.world_size]
    return any(
        not (folder / name).is_file()
        or (folder / name).stat().st_size != record["bytes"]
        or file_sha256(folder / name) != record["sha256"]
        for name, record in mine
    )
