"""A small task with pictures, and a tiny model for it, made once for all tests that need one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from longform_worker.engines import import_rows, make_model
from longform_worker.jobs import ImportJob, ModelJob, TrainingJob, VisionPolicy
from longform_worker.models.folder import file_sha256, read_manifest
from longform_worker.records import read_record
from recorded_link import RecordedLink

COLOURS = {"red": "#d62728", "green": "#1f9d3a", "blue": "#1f4fd6"}
POLICY = {
    "resize": "RESIZE_RULE_KEEP_ASPECT",
    "min_pixels": 784,
    "max_pixels": 4 * 784,
    "grid_multiple": 28,
    "background": "#ffffff",
    "max_images": 4,
}
SIZES = ((28, 28), (56, 28), (28, 56), (56, 56))


def policy() -> VisionPolicy:
    """The policy of the tiny world."""
    return read_record(VisionPolicy, POLICY, "vision_policy")


def drawing(colour: str, width: int = 28, height: int = 28) -> dict[str, Any]:
    """A picture of one colour with a pale edge."""
    box = [2, 2, width - 2, height - 2]
    shape = {"kind": "rectangle", "box": box, "fill": COLOURS[colour], "outline": None, "outlineWidth": 0}
    return {"drawing": {"width": width, "height": height, "background": "#f4f1e8", "shapes": [shape]}}


def source_rows(count: int) -> list[dict[str, Any]]:
    """Rows with no, one or more pictures of several sizes, in English and Chinese."""
    rows: list[dict[str, Any]] = []
    names = list(COLOURS)
    for number in range(count):
        colours = [names[(number + page * page) % 3] for page in range(number % 4)]
        sizes = [SIZES[(number + page) % 4] for page in range(len(colours))]
        text = " ".join(f"Slide {page + 1}: {colour}." for page, colour in enumerate(colours)) or "No slides here."
        chinese = number % 5 == 4
        rows.append(
            {
                "id": f"row-{number}",
                "language": "zh" if chinese else "en",
                "prompt": "请写一篇约90字的讲稿。" if chinese else f"Write about {4 * len(text.split())} words.",
                "target": f"第{len(colours)}页：红色圆环。" if chinese else text,
                "images": [drawing(colour, *size) for colour, size in zip(colours, sizes, strict=True)],
            }
        )
    return rows


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Rows as JSON lines."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def import_all(folder: Path, rows: list[dict[str, Any]], name: str = "rows", policy: dict[str, Any] = POLICY) -> Path:
    """Import rows into ``folder``; its blobs lie in ``folder / "blobs"``."""
    job = {
        "source_rows_path": str(write(folder / f"{name}.source.jsonl", rows)),
        "rows_path": str(folder / f"{name}.jsonl"),
        "image_root": "",
        "blob_root": str(folder / "blobs"),
        "vision_policy": policy,
    }
    with RecordedLink() as link:
        import_rows.run(read_record(ImportJob, job, "import"), link)
    return folder / f"{name}.jsonl"


def model_job(folder: Path, corpus: Path, **changes: object) -> ModelJob:
    """A job for a model of about 0.1 million weights."""
    fields = {
        "output_path": str(folder),
        "corpus_rows_path": str(corpus),
        "vocabulary_size": 400,
        "text": {
            "layers": 2,
            "hidden_size": 64,
            "intermediate_size": 96,
            "heads": 4,
            "key_value_heads": 2,
            "rope_theta": 500.0,
            "max_positions": 512,
        },
        "vision": {
            "layers": 1,
            "hidden_size": 32,
            "intermediate_size": 64,
            "heads": 2,
            "patch_size": 14,
            "merge_size": 2,
        },
        "initializer_range": 0.08,
        "seed": 5,
        "vision_policy": POLICY,
        "architecture": "ARCHITECTURE_QWEN2_5_VL",
        **changes,
    }
    return read_record(ModelJob, fields, "model")


def make(folder: Path, corpus: Path, **changes: object) -> dict[str, Any]:
    """Make a model folder; returns the result's fields."""
    with RecordedLink() as link:
        made: Any = make_model.run(model_job(folder, corpus, **changes), link)["made"]
    return made


def training_fields(world: Path, out: Path, **changes: object) -> dict[str, Any]:
    """The fields of a training job on ``world`` that writes under ``out``."""
    return {
        "model_path": str(world / "model"),
        "rows_path": str(world / "rows.jsonl"),
        "blob_root": str(world / "blobs"),
        "output_path": str(out / "trained"),
        "checkpoint_path": str(out / "checkpoints"),
        "vision_policy": POLICY,
        "prompt_layout": "PROMPT_LAYOUT_IMAGES_FIRST",
        "max_tokens": 256,
        "steps": 6,
        "examples_per_step": 4,
        "tokens_per_pass": 512,
        "loss_normalisation": "LOSS_NORMALISATION_TOKEN",
        "optimizer": {
            "peak_learning_rate": 3e-3,
            "beta1": 0.9,
            "beta2": 0.98,
            "epsilon": 1e-8,
            "weight_decay": 0.01,
            "max_gradient_norm": 1.0,
            "part_learning_rates": [],
        },
        "schedule": {"kind": "SCHEDULE_KIND_COSINE", "warmup_fraction": 0.1, "final_fraction": 0.05},
        "precision": "PRECISION_FLOAT32",
        "gradient_checkpointing": False,
        "head_chunk_tokens": 64,
        "tuning": {"full": {"frozen_parts": []}},
        "zero": {"stage": 0, "offload_optimizer": False, "offload_parameters": False},
        "seed": 7,
        "checkpoint_every_steps": 0,
        "tensorboard_path": "",
        **changes,
    }


def training_job(world: Path, out: Path, **changes: object) -> TrainingJob:
    """A training job on ``world`` that writes under ``out``."""
    return read_record(TrainingJob, training_fields(world, out, **changes), "training")


def verify_files(folder: Path) -> bool:
    """Whether every file that the folder's manifest names is there with its SHA-256."""
    files: Mapping[str, Mapping[str, Any]] = read_manifest(folder).get("files", {})
    return bool(files) and all(
        (folder / name).is_file() and file_sha256(folder / name) == facts["sha256"] for name, facts in files.items()
    )
