"""Runs a training job from a JSON file in a process of its own, for tests that kill it.

Usage: python train_program.py JOB.json; writes each frame as a line of standard output.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from longform_worker.engines.train import loop
from longform_worker.jobs import TrainingJob, read_record
from longform_worker.wire import EngineLink


class PrintingLink(EngineLink):
    """Prints frames where an agent would receive them."""

    def __init__(self) -> None:
        pass

    def send(self, type_: str, /, **fields: object) -> None:
        """One line a frame."""
        sys.stdout.write(json.dumps({"type": type_, **fields}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    job = read_record(TrainingJob, json.loads(Path(sys.argv[1]).read_text()), "training")
    link = PrintingLink()
    link.send("done", **loop.run(job, link))
