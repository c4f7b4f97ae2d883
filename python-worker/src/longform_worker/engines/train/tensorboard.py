"""The steps of a training for TensorBoard, by torch's own writer."""

from __future__ import annotations

import importlib
from typing import Any

from longform_worker.engines.train.step import StepReport, Trainer


class Board:
    """Writes event files when the job names a folder for them; rank 0 alone. After a resume at ``step`` what an earlier
    attempt wrote for later steps is hidden."""

    def __init__(self, trainer: Trainer, step: int) -> None:
        self._trainer = trainer
        self._writer: Any = None
        if trainer.job.tensorboard_path and trainer.ranks.leads:
            library: Any = importlib.import_module("torch.utils.tensorboard")
            self._writer = library.SummaryWriter(trainer.job.tensorboard_path, purge_step=step + 1)

    def step(self, step: int, learning_rate: float, report: StepReport) -> None:
        """One optimizer step."""
        if self._writer is None:
            return
        scalars: dict[str, float] = {
            "loss": report.loss,
            "gradient_norm": report.gradient_norm,
            "tokens/all": report.tokens,
            "tokens/target": report.target_tokens,
            **{f"seconds/{phase}": getattr(report, f"{phase}_seconds") for phase in PHASES},
            "memory/process_bytes": report.peak_memory_bytes,
            "memory/device_bytes": report.peak_device_memory_bytes,
            **dict(zip(self._rate_names(), self._trainer.rates(learning_rate), strict=True)),
        }
        for name, value in scalars.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def gate(self, step: int, value: float) -> None:
        """A measurement of the gate."""
        if self._writer is not None:
            self._writer.add_scalar("gate", value, step)

    def close(self) -> None:
        """No more steps follow."""
        if self._writer is not None:
            self._writer.close()

    def _rate_names(self) -> list[str]:
        return [f"learning_rate/peak_{group.peak_learning_rate:g}" for group in self._trainer.groups]


PHASES = ("data", "forward", "backward", "update")
