"""What a training leaves on disk: the trained model, and checkpoints that a later attempt goes on from.

A checkpoint is a whole model folder (weights in float32) with the optimizer's moments beside it. No
file of it is pickled, and its manifest, written last, names every file with its SHA-256.
"""

from __future__ import annotations

import glob
import json
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from longform_worker.engines.train.step import Trainer
from longform_worker.failure import EngineFailure
from longform_worker.jobs import Precision, TrainingJob
from longform_worker.models.folder import (
    clear_unpublished,
    policy_record,
    publishing,
    read_manifest,
    verify_files,
    weights_sha256,
)
from longform_worker.models.loaded import DTYPES, load_model
from longform_worker.models.tensors import read_tensors, write_tensors

KEPT = 2
LOG_FILE = "training-log.jsonl"
CHECKPOINTS = "step-????????"
OPTIMIZER_FILE = Path("optimizer", "moments.safetensors")  # in a folder of its own: it holds no weights
MOMENTS = ("exp_avg", "exp_avg_sq", "step")
# Files that saving a model makes anew; with the weights, all that is not copied from the base folder.
MADE_ANEW = {"config.json", "generation_config.json", "manifest.json"}


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


def clear_leftovers(job: TrainingJob) -> None:
    """Remove what attempts of this training that were killed have left half written."""
    output = Path(job.output_path)
    clear_unpublished(output.parent, glob.escape(output.name))
    clear_unpublished(Path(job.checkpoint_path), CHECKPOINTS)


def check_disk(trainer: Trainer) -> None:
    """Refuse to start when the model and the checkpoints that may stand at one time would not fit (disk_full)."""
    job, checkpoint = trainer.job, _checkpoint_bytes(trainer)
    there = sum(file.stat().st_size for file in Path(job.checkpoint_path).rglob("*") if file.is_file())
    needs = {
        Path(job.output_path): _weights(trainer) * (2 if job.precision is Precision.BFLOAT16 else 4),
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


def fits_another_checkpoint(trainer: Trainer) -> bool:
    """Whether the disk has room for one checkpoint beside those that are there."""
    return shutil.disk_usage(_place(Path(trainer.job.checkpoint_path))).free >= _checkpoint_bytes(trainer)


def save_checkpoint(trainer: Trainer, counters: Counters, identity: str) -> Path:
    """Publish a checkpoint of the current step and drop all but the newest ones."""
    root = Path(trainer.job.checkpoint_path)
    target = root / f"step-{counters.step:08d}"
    facts = {
        "kind": "checkpoint",
        "training": identity,
        "counters": asdict(counters),
    }
    with publishing(target, facts) as folder:
        _write_model(trainer, folder, torch.float32)
        (folder / OPTIMIZER_FILE).parent.mkdir()
        write_tensors(_moments(trainer), folder / OPTIMIZER_FILE)
    for old in sorted(root.glob(CHECKPOINTS))[:-KEPT]:
        shutil.rmtree(old)
    return target


def resume(trainer: Trainer, identity: str) -> Counters:
    """Go on from the newest complete checkpoint; from zero when there is none.

    A folder whose files differ from its manifest counts as none. Raises EngineFailure (spec_refused)
    for a checkpoint of another training.
    """
    root = Path(trainer.job.checkpoint_path)
    for folder in sorted(root.glob(CHECKPOINTS), reverse=True):
        if not verify_files(folder):
            continue
        facts = read_manifest(folder)
        if facts["training"] != identity:
            raise EngineFailure(
                "spec_refused",
                f"{folder} is a checkpoint of another training: its model, rows or settings differ from this job's.",
                field_path="training.checkpoint_path",
                expected=identity,
                found=facts["training"],
            )
        _restore(trainer, folder)
        return Counters(**facts["counters"])
    return Counters()


def export_model(trainer: Trainer, counters: Counters) -> str:
    """Publish the trained model folder in the job's number format; returns the hash of its weights."""
    facts: dict[str, Any] = {
        "kind": "model",
        "vision_policy": policy_record(trainer.job.vision_policy),
        "prompt_layout": str(trainer.job.prompt_layout),
        "steps": counters.step,
    }
    with publishing(Path(trainer.job.output_path), facts) as folder:
        _write_model(trainer, folder, DTYPES[trainer.job.precision])
        facts["weights_sha256"] = weights_sha256(folder)
    return facts["weights_sha256"]


def export_log(trainer: Trainer, counters: Counters) -> None:
    """Write the training's log beside its model folder, one JSON object a line."""
    lines = [f"{json.dumps(line)}\n" for line in counters.log]
    Path(trainer.job.output_path).with_name(LOG_FILE).write_text("".join(lines), encoding="utf-8")


def _place(path: Path) -> Path:
    """The folder itself or the nearest one around it that exists."""
    return next(folder for folder in (path, *path.absolute().parents) if folder.exists())


def _weights(trainer: Trainer) -> int:
    return sum(parameter.numel() for parameter in trainer.loaded.model.parameters())


def _checkpoint_bytes(trainer: Trainer) -> int:
    """Weights and two moments of those that are trained, in float32."""
    trained = sum(parameter.numel() for group in trainer.optimizer.param_groups for parameter in group["params"])
    return 4 * (_weights(trainer) + 2 * trained)


def _write_model(trainer: Trainer, folder: Path, dtype: torch.dtype) -> None:
    """Weights and config anew, tokenizer, template and processor files as they are in the base folder."""
    model = trainer.loaded.model
    for file in trainer.loaded.folder.iterdir():
        weights = file.name.endswith((".safetensors", ".safetensors.index.json"))
        if file.is_file() and not weights and file.name not in MADE_ANEW:
            shutil.copyfile(file, folder / file.name)
    state: dict[str, Tensor] = {name: weight.to(dtype) for name, weight in model.state_dict().items()}
    model.save_pretrained(folder, state_dict=state)
    _record_dtype(folder / "config.json", dtype)
    for file in folder.glob("*.safetensors"):
        file.chmod(0o644)  # safetensors makes files that only their owner can read


def _record_dtype(file: Path, dtype: torch.dtype) -> None:
    """Saving records the format of the weights in memory, which is not that of the ones written."""
    config: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    for part in (config, config.get("text_config", {}), config.get("vision_config", {})):
        part["dtype"] = str(dtype).removeprefix("torch.")
    file.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def _named(trainer: Trainer) -> Iterable[tuple[str, Tensor]]:
    return ((name, weight) for name, weight in trainer.loaded.model.named_parameters() if weight.requires_grad)


def _moments(trainer: Trainer) -> dict[str, Tensor]:
    state = trainer.optimizer.state
    return {f"{name}:{moment}": state[weight][moment] for name, weight in _named(trainer) for moment in MOMENTS}


def _restore(trainer: Trainer, folder: Path) -> None:
    loaded = trainer.loaded
    reread = load_model(folder, Precision.FLOAT32)
    loaded.model.load_state_dict(reread.model.state_dict())
    moments = read_tensors(folder / OPTIMIZER_FILE)
    for name, weight in _named(trainer):
        trainer.optimizer.state[weight] = {moment: moments[f"{name}:{moment}"].to(weight.device) for moment in MOMENTS}
