"""Peak memory of a training on processors above what libraries hold, in a process of its own.

Usage: python plan_memory.py LAYERS HIDDEN INTERMEDIATE CHECKPOINTING(0|1) CHUNK_TOKENS; prints JSON with what the plan
of the training starts from: the model's config, and the tokens and patches of its one pass.
"""

from __future__ import annotations

import gc
import json
import sys
import tempfile
from pathlib import Path

from longform_worker.engines.train import loop
from longform_worker.engines.train.plan import plan_rows
from longform_worker.jobs import Precision, TrainingJob
from longform_worker.models.loaded import load_model
from longform_worker.records import read_record
from longform_worker.wire import EngineLink
from loss_memory import resident
from tiny_world import drawing, import_all, make, training_fields

ROWS = 8
WORDS = ["a", "slide", "with", "one", "red", "circle", "and", "many", "words", "below", "it"]


def rows() -> list[dict[str, object]]:
    """Rows of one image and a few hundred tokens."""
    text = " ".join(WORDS[n * n % len(WORDS)] for n in range(220))
    return [
        {"id": f"row-{n}", "language": "en", "prompt": "Write.", "target": text, "images": [drawing("red", 56, 56)]}
        for n in range(ROWS)
    ]


class PeakLink(EngineLink):
    """Takes the highest memory so far at the end of every step: what writing the model takes is another matter."""

    def __init__(self) -> None:
        self.peak = 0

    def send(self, type_: str, /, **fields: object) -> None:
        """Keeps the peak."""
        if type_ == "step":
            self.peak = resident("VmHWM")


def train(world: Path, out: Path, **changes: object) -> tuple[TrainingJob, int]:
    """Three steps of all rows in one pass; the highest memory of their process."""
    job = read_record(
        TrainingJob,
        training_fields(
            world, out, steps=3, examples_per_step=ROWS, tokens_per_pass=100_000, max_tokens=4_096, **changes
        ),
        "training",
    )
    link = PeakLink()
    loop.run(job, link)
    return job, link.peak


def main(layers: int, hidden: int, intermediate: int, checkpointing: bool, chunk_tokens: int) -> dict[str, object]:
    """A first training of a tiny model loads every library; the second one is measured."""
    with tempfile.TemporaryDirectory() as folder:
        world = Path(folder)
        corpus = import_all(world, rows())
        make(world / "model", corpus)
        train(world, world / "first")
        (world / "model").rename(world / "tiny")
        text = {
            "layers": layers,
            "hidden_size": hidden,
            "intermediate_size": intermediate,
            "heads": 8,
            "key_value_heads": 4,
            "rope_theta": 10_000.0,
            "max_positions": 4_096,
        }
        make(world / "model", corpus, text=text)
        gc.collect()
        Path("/proc/self/clear_refs").write_text("5")
        start = resident("VmRSS")
        job, peak = train(world, world / "second", gradient_checkpointing=checkpointing, head_chunk_tokens=chunk_tokens)
        planned = plan_rows(corpus, load_model(world / "model", Precision.FLOAT32), job)
        return {
            "peakBytes": peak - start,
            "config": json.loads((world / "model" / "config.json").read_text()),
            "passTokens": sum(row.tokens for row in planned),
            "passPatches": sum(grid.rows * grid.columns for row in planned for grid in row.grids),
        }


if __name__ == "__main__":
    layers, hidden, intermediate, checkpointing, chunk_tokens = map(int, sys.argv[1:])
    sys.stdout.write(json.dumps(main(layers, hidden, intermediate, bool(checkpointing), chunk_tokens)) + "\n")
