"""Supervised fine-tuning: load, plan, step to the end of the schedule, pass the gate, publish the model."""

from __future__ import annotations

import hashlib
import json
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from longform_worker.engines.train.attention import rows_attention
from longform_worker.engines.train.backend.ranks import Ranks
from longform_worker.engines.train.backend.split_load import load_split_model
from longform_worker.engines.train.batches import StepRows
from longform_worker.engines.train.checkpoint import (
    clear_leftovers,
    drop_checkpoints,
    find_checkpoint,
    save_checkpoint,
)
from longform_worker.engines.train.collate import Filler
from longform_worker.engines.train.disk import check_disk, fits_another_checkpoint, model_bytes
from longform_worker.engines.train.export import ExportStopped, export_log, export_model
from longform_worker.engines.train.gate import exact_match
from longform_worker.engines.train.plan import PlannedRow, plan_rows, planned_counts
from longform_worker.engines.train.saved import Checkpoint, Counters
from longform_worker.engines.train.schedule import learning_rate
from longform_worker.engines.train.settings import check_settings
from longform_worker.engines.train.step import Trainer
from longform_worker.engines.train.tensorboard import Board
from longform_worker.engines.train.tuning import check_images_where_needed
from longform_worker.failure import EngineFailure
from longform_worker.jobs import Gate, Precision, TrainingJob
from longform_worker.models.folder import check_vision_policy, file_sha256, small_files, weights_sha256
from longform_worker.models.loaded import LoadedModel, load_model
from longform_worker.wire import EngineLink

# Settings that decide how a training is computed, written or shown, and of its result no more than rounding.
NO_PART_OF_IDENTITY = (
    "zero",
    "tokens_per_pass",
    "head_chunk_tokens",
    "gradient_checkpointing",
    "checkpoint_every_steps",
)


def run(job: TrainingJob, link: EngineLink) -> dict[str, object]:
    """Train as the job says, as one of the ranks that the environment names; the first one tells what happens.

    Raises EngineFailure; "preempted" between two steps, or in the export, after SIGTERM on any rank, with a checkpoint.
    """
    check_settings(job)
    check_vision_policy(Path(job.model_path), job.vision_policy, "training.vision_policy")
    check_images_where_needed(job)
    ranks = Ranks.of_environment()
    with _stop_on_sigterm() as stop, ranks.together(always=job.zero.stage > 0):
        link.phase("loading")
        loaded = _open_model(job, ranks)
        link.phase("planning")
        rows = plan_rows(Path(job.rows_path), loaded, job)
        gate_rows = plan_rows(Path(job.gate.rows_path), loaded, job) if job.gate else []
        if ranks.leads:
            link.send("rows_planned", **planned_counts(rows))
        ranks.leader_does(lambda: clear_leftovers(job))
        identity = ranks.leader_does(lambda: _identity(job, ranks.world_size))
        checkpoint = find_checkpoint(ranks, job, identity)
        trainer = Trainer(loaded, job, ranks, Filler.of_training(loaded, [*rows, *gate_rows]), checkpoint)
        ranks.leader_does(lambda: check_disk(trainer))
        training = _Training(trainer, link, rows, gate_rows, checkpoint, identity, stop)
        link.phase("running")
        training.to_the_end()
        link.phase("saving")
        weights, counters = training.export(), training.counters
    trained = {
        "steps": counters.step,
        "target_tokens": counters.target_tokens,
        "final_loss": counters.final_loss,
        "weights_sha256": weights,
    }
    return {"trained": trained if counters.gate_value is None else {**trained, "gate_value": counters.gate_value}}


class _Training:
    """The loop over steps. A schedule of ``job.steps`` steps is a round; a missed gate adds whole rounds."""

    def __init__(
        self,
        trainer: Trainer,
        link: EngineLink,
        rows: list[PlannedRow],
        gate_rows: list[PlannedRow],
        checkpoint: Checkpoint | None,
        identity: str,
        stop: threading.Event,
    ) -> None:
        self._trainer = trainer
        self._ranks = trainer.ranks
        self._job = trainer.job
        self._link = link
        self._rows = rows
        self._gate_rows = gate_rows
        self.counters = checkpoint.counters if checkpoint else Counters()
        self._saved_step = self.counters.step
        self._saved_path = str(checkpoint.folder) if checkpoint else ""
        self._board = Board(trainer, self._saved_step)
        self._identity = identity
        self._stop = stop
        job, lengths = self._job, [row.tokens for row in rows]
        self._step_rows = StepRows(lengths, job.steps, job.examples_per_step, job.seed)

    def to_the_end(self) -> None:
        """Step until a round has ended with its gate passed; a checkpoint then holds the last step, for whatever comes
        of the export. Raises EngineFailure (gate_missed)."""
        gate, counters, every = self._job.gate, self.counters, self._job.checkpoint_every_steps
        while not self._ended():
            self._take_step()
            if gate and (counters.step % self._job.steps == 0 or counters.step % gate.every_steps == 0):
                self._measure(gate)
            if every and counters.step % every == 0:
                self._save()
        self._board.close()
        if self._hold_last_step():
            self._leave_when_asked()

    def export(self) -> str:
        """Leave the trained model and the log; the hash of its weights. SIGTERM ends it when a checkpoint holds the
        last step, so that another attempt has only this to do."""
        held = self._saved_step == self.counters.step
        try:
            weights = export_model(self._trainer, self.counters, lambda: held and self._stop.is_set())
        except ExportStopped:
            raise self._preempted() from None
        export_log(self._trainer, self.counters)
        if not self._job.checkpoint_every_steps:
            self._ranks.leader_does(lambda: drop_checkpoints(self._job))
        return weights

    def _hold_last_step(self) -> bool:
        """Whether a checkpoint holds the last step; it is saved when there is room for it beside the model."""
        unsaved, beside = self.counters.step > self._saved_step, model_bytes(self._trainer)
        if unsaved and self._ranks.leader_does(lambda: fits_another_checkpoint(self._trainer, beside)):
            self._save()
        return self.counters.step == self._saved_step

    def _save(self) -> None:
        path = save_checkpoint(self._trainer, self.counters, self._identity)
        self._saved_step, self._saved_path = self.counters.step, str(path)
        self._tell("checkpoint", step=self._saved_step, path=str(path))

    def _leave_when_asked(self) -> None:
        """End after SIGTERM to any rank, all at the same step; what no checkpoint holds yet is saved when the disk has
        room for it."""
        if not self._ranks.largest([self._stop.is_set()])[0]:
            return
        unsaved = self.counters.step > self._saved_step
        if unsaved and self._ranks.leader_does(lambda: fits_another_checkpoint(self._trainer)):
            self._save()
        raise self._preempted()

    def _preempted(self) -> EngineFailure:
        step = self.counters.step
        saved = self._saved_path if step == self._saved_step else ""
        return EngineFailure(
            "preempted",
            f"Ended by SIGTERM after step {step}; {f'{saved} holds it' if saved else 'no checkpoint holds it'}.",
            step=step,
            checkpoint=saved,
        )

    def _tell(self, type_: str, /, **fields: object) -> None:
        if self._ranks.leads:
            self._link.send(type_, **fields)

    def _ended(self) -> bool:
        """Whether the last step ended the training: it ended a round, and the gate, if any, has passed."""
        counters, gate = self.counters, self._job.gate
        if counters.step == 0 or counters.step % self._job.steps:
            return False
        if gate is None or (counters.gate_value is not None and counters.gate_value >= gate.at_least):
            return True
        if counters.step // self._job.steps > gate.extra_rounds:
            self._hold_last_step()
            raise EngineFailure(
                "gate_missed",
                f"After {counters.step} steps the gate measures {counters.gate_value}, below {gate.at_least}."
                " Raise steps or gate.extraRounds.",
                step=counters.step,
                found=counters.gate_value,
                expected=f"at least {gate.at_least}",
            )
        return False

    def _take_step(self) -> None:
        self._leave_when_asked()
        job, counters = self._job, self.counters
        counters.step += 1
        earlier_rounds, place = divmod(counters.step - 1, job.steps)
        rate = learning_rate(place + 1, job.steps, job.optimizer.peak_learning_rate, job.schedule)
        rows = [self._rows[index] for index in self._step_rows[counters.step]]
        report = self._trainer.step(counters.step, rows, rate)
        counters.target_tokens += report.target_tokens
        counters.final_loss = report.loss
        steps = (earlier_rounds + 1) * job.steps
        counters.log.append(
            {
                "type": "step",
                "step": counters.step,
                "loss": report.loss,
                "gradientNorm": report.gradient_norm,
                "learningRate": rate,
                "targetTokens": report.target_tokens,
            }
        )
        self._tell("step", step=counters.step, steps=steps, learning_rate=rate, **asdict(report))
        self._board.step(counters.step, rate, report)

    def _measure(self, gate: Gate) -> None:
        value = exact_match(self._trainer, self._gate_rows)
        counters = self.counters
        counters.gate_value = value
        passed = value >= gate.at_least
        measured = {"step": counters.step, "value": value, "passed": passed}
        counters.log.append({"type": "gate", "atLeast": gate.at_least, **measured})
        self._tell("gate", at_least=gate.at_least, **measured)
        self._board.gate(counters.step, value)


def _open_model(job: TrainingJob, ranks: Ranks) -> LoadedModel:
    if job.zero.stage == 3:
        return load_split_model(job, rows_attention(), ranks)
    # DeepSpeed keeps weights in the job's own numbers; a whole model in float32 may be more than a device holds.
    precision = job.precision if job.zero.stage else Precision.FLOAT32
    return load_model(Path(job.model_path), precision, rows_attention())


def _identity(job: TrainingJob, ranks: int) -> str:
    """What must be equal for a checkpoint to be gone on from: what moves the weights, so no path and no saving."""
    settings = {name: value for name, value in asdict(job).items() if not name.endswith(("_path", "_root"))}
    for name in NO_PART_OF_IDENTITY:
        settings.pop(name)
    if job.tuning.lora and job.tuning.lora.dropout > 0:
        # Passes draw numbers: it matters which rows share one, and on which rank.
        settings.update(tokens_per_pass=job.tokens_per_pass, ranks=ranks)
    if job.gate:
        settings["gate"].pop("rows_path")
    files = {
        "weights": weights_sha256(Path(job.model_path)),
        "model": {file.name: file_sha256(file) for file in small_files(Path(job.model_path))},
        "rows": file_sha256(Path(job.rows_path)),
        "gate_rows": file_sha256(Path(job.gate.rows_path)) if job.gate else None,
    }
    return hashlib.sha256(json.dumps([settings, files], sort_keys=True).encode()).hexdigest()


@contextmanager
def _stop_on_sigterm() -> Generator[threading.Event]:
    """An event that SIGTERM sets, so that a step or a file is finished before the process ends."""
    stop = threading.Event()
    previous = signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    try:
        yield stop
    finally:
        signal.signal(signal.SIGTERM, previous)
