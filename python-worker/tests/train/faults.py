"""Faults that a test puts into the ranks of a launch; a job's folder says which one it gets."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from longform_worker.engines.train import loop
from longform_worker.engines.train.backend import ranks as ranks_module
from longform_worker.engines.train.backend import split_load
from longform_worker.engines.train.backend.ranks import Ranks
from longform_worker.engines.train.collate import Collator, Filler, Pass
from longform_worker.engines.train.plan import PlannedRow, plan_rows
from longform_worker.engines.train.step import StepReport, Trainer
from longform_worker.failure import EngineFailure
from longform_worker.jobs import TrainingJob
from longform_worker.models.tensors import TensorFiles
from longform_worker.records import read_record

BAD_STEP = 3


def install(rank: int, folder: Path) -> None:
    """Jobs whose folder is named for a fault get it at step 3."""
    take_step, make_pass, load = Trainer.step, Collator._pass, split_load.load_split_model  # pyright: ignore[reportPrivateUsage]
    now: dict[str, Any] = {"fault": "", "step": 0}

    def one_step(self: Trainer, step: int, rows: Sequence[PlannedRow], learning_rate: float) -> StepReport:
        now.update(fault=Path(self.job.output_path).parent.name.partition(" ")[0], step=step)
        if step == BAD_STEP and now["fault"] == "killed" and rank == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            return take_step(self, step, rows, learning_rate)
        except EngineFailure:
            whole = [self.backend.whole(weight, None).double().sum().item() for weight in self.weights.values()]
            (folder / f"{now['fault']}-{self.job.zero.stage}-{rank}.json").write_text(json.dumps(sum(whole)))
            raise

    def one_pass(self: Collator, rows: Sequence[PlannedRow], weights: Any) -> Pass:
        batch = make_pass(self, rows, weights)
        if now["step"] == BAD_STEP and rank == 1 and now["fault"] == "loss":
            return replace(batch, weights_N=batch.weights_N * torch.nan)
        return batch

    Trainer.step = one_step
    Collator._pass = one_pass  # pyright: ignore[reportPrivateUsage]

    def loading(job: Any, *arguments: Any) -> Any:
        if "corrupted" not in job.output_path:
            return load(job, *arguments)
        read, seen = TensorFiles.read, set[str]()

        def once(self: TensorFiles, key: str) -> Tensor:
            tensor = read(self, key)
            wrong = key not in seen and "norm" in key
            seen.add(key)
            return tensor + 1 if wrong else tensor

        TensorFiles.read = once
        try:
            return load(job, *arguments)
        finally:
            TensorFiles.read = read

    loop.load_split_model = loading


def patience(rank: int, folder: Path) -> None:
    """One rank keeps the other waiting: with files, which is borne, and in a step, which is not."""
    ranks_module.STEP_PATIENCE = timedelta(seconds=2)
    ranks = Ranks.of_environment()
    found: dict[str, object] = {}
    try:
        with ranks.together(always=False):
            if rank == 1:
                time.sleep(4)
            ranks.wait()
            found["waited for files"] = True
            if rank == 1:
                time.sleep(6)
            found["sums"] = ranks.sums([1.0])
    except EngineFailure as failure:
        found["failure"] = failure.fields()
    (folder / f"{rank}.json").write_text(json.dumps(found))


def exact(rank: int, folder: Path) -> None:
    """Open trainings in bfloat16 and compare what moves with the files, which are in float32."""
    ranks = Ranks.of_environment()
    found: dict[str, list[object]] = {}
    for title, fields in json.loads((folder / "opened.json").read_text()).items():
        job = read_record(TrainingJob, fields, "training")
        with ranks.together(always=True):
            loaded = loop._open_model(job, ranks)  # pyright: ignore[reportPrivateUsage]
            rows = plan_rows(Path(job.rows_path), loaded, job)
            trainer = Trainer(loaded, job, ranks, Filler.of_training(loaded, rows))
            files = TensorFiles(Path(job.model_path))
            equal = [
                torch.equal(trainer.backend.whole(weight, None), files.read(trainer.keys[name]))
                for name, weight in trainer.weights.items()
            ]
        found[title] = [len(equal), all(equal), str(loaded.model.dtype)]
    (folder / f"{rank}.json").write_text(json.dumps(found))
