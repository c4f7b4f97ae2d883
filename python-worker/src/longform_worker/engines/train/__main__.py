"""``python -m longform_worker.engines.train JOB.json``: one rank of a training without an agent, for torchrun.

JOB.json holds the fields of a training job. Rank 0 prints every frame as a line of JSON; the last one is "done" or
"failed". Ends with 0 when the training is done, 75 when it was asked to end and may be started again, else 1.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from longform_worker.engines.main import failure_of
from longform_worker.engines.train import loop
from longform_worker.failure import EngineFailure
from longform_worker.jobs import TrainingJob
from longform_worker.records import read_record
from longform_worker.wire import EngineLink

PREEMPTED = 75  # EX_TEMPFAIL: start the same command again


class PrintingLink(EngineLink):
    """Prints frames where an agent would receive them."""

    def __init__(self, *, silent: bool) -> None:
        self._silent = silent

    def send(self, type_: str, /, **fields: object) -> None:
        """One line a frame."""
        if not self._silent:
            sys.stdout.write(json.dumps({"type": type_, **fields}) + "\n")
            sys.stdout.flush()


def main(job_file: str) -> int:
    """The exit code."""
    link = PrintingLink(silent=os.environ.get("RANK", "0") != "0")
    try:
        job = read_record(TrainingJob, json.loads(Path(job_file).read_text(encoding="utf-8")), "training")
        link.send("done", **loop.run(job, link))
    except Exception as error:
        failure = failure_of(error)
        link.send("failed", **failure.fields())
        if not isinstance(error, EngineFailure):
            raise
        sys.stderr.write(f"{failure}\n")
        return PREEMPTED if failure.code == "preempted" else 1
    return 0


if __name__ == "__main__":
    code = 1
    try:
        code = main(sys.argv[1])
    except Exception:
        import traceback

        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
