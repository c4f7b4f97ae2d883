"""Runs a fetch in a process of its own, as an agent would: the library reads its settings when it is imported.

Usage: python fetch_program.py JOB.json; writes each frame as a line of standard output.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from longform_worker.engines import fetch
from longform_worker.engines.main import failure_of
from longform_worker.jobs import FetchJob
from longform_worker.records import read_record
from longform_worker.wire import EngineLink


class PrintingLink(EngineLink):
    """Prints frames where an agent would receive them."""

    def __init__(self) -> None:
        pass

    def send(self, type_: str, /, **fields: object) -> None:
        """One line a frame."""
        sys.stdout.write(json.dumps({**fields, "type": type_}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    job = read_record(FetchJob, json.loads(Path(sys.argv[1]).read_text()), "fetch")
    link = PrintingLink()
    try:
        link.send("done", **fetch.run(job, link))
    except Exception as error:
        link.send("failed", **failure_of(error).fields())
