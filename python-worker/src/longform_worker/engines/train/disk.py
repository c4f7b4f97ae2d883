"""Whether the disk holds what a training writes: looked at before the first step."""

from __future__ import annotations

import shutil
from pathlib import Path

from longform_worker.engines.train.backend.split import count
from longform_worker.engines.train.step import Trainer
from longform_worker.failure import EngineFailure
from longform_worker.jobs import Precision

KEPT = 2  # checkpoints; a third stands beside them while it is written


def check_disk(trainer: Trainer) -> None:
    """Refuse to start when the model and the checkpoints that may stand at one time would not fit (disk_full)."""
    job, checkpoint = trainer.job, checkpoint_bytes(trainer)
    there = sum(file.stat().st_size for file in Path(job.checkpoint_path).rglob("*") if file.is_file())
    needs = {
        Path(job.output_path): model_bytes(trainer),
        # An old checkpoint goes when a new one is complete.
        Path(job.checkpoint_path): max(checkpoint, (KEPT + 1) * checkpoint - there)
        if job.checkpoint_every_steps
        else 0,
    }
    on_device: dict[int, int] = {}
    for path, needed in needs.items():
        place = _place(path)
        device = place.stat().st_dev
        on_device[device] = on_device.get(device, 0) + needed
        free = shutil.disk_usage(place).free
        if free < on_device[device]:
            raise EngineFailure(
                "disk_full",
                f"{place} has {free} bytes free; this training needs {on_device[device]}.",
                path=path,
                expected=f"{on_device[device]} bytes",
                found=f"{free} bytes",
            )


def fits_another_checkpoint(trainer: Trainer, besides: int = 0) -> bool:
    """Whether the disk has room for one checkpoint more, and ``besides`` for as many bytes."""
    return shutil.disk_usage(_place(Path(trainer.job.checkpoint_path))).free >= checkpoint_bytes(trainer) + besides


def model_bytes(trainer: Trainer) -> int:
    """The weights of the model that the training leaves."""
    return trainer.base.numbers * (2 if trainer.job.precision is Precision.BFLOAT16 else 4)


def checkpoint_bytes(trainer: Trainer) -> int:
    """Every trained weight and its two moments, in float32; frozen weights are in no checkpoint."""
    return 3 * 4 * sum(count(weight) for weight in trainer.weights.values())


def _place(path: Path) -> Path:
    """The folder itself or the nearest one around it that exists."""
    return next(folder for folder in (path, *path.absolute().parents) if folder.exists())
