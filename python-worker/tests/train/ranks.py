"""Runs trainings as ranks on this machine, each in a process of its own, several trainings one after the other.

Starting a process costs more than a tiny training, so checks that need several ranks share a launch: every rank takes
the same list of jobs. Usage: python ranks.py JOBS.json FRAMES; the environment names the rank.
"""

from __future__ import annotations

import importlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).parents[2] / "src"
TESTS = Path(__file__).parents[1]
LIMIT_SECONDS = 300


@dataclass(frozen=True)
class Launch:
    """What the ranks of a launch said: ``frames[rank][job]`` in order; the last one is "done" or "failed"."""

    frames: list[list[list[dict[str, Any]]]]
    logs: list[str]
    codes: list[int]

    def steps(self, job: int, rank: int = 0) -> list[dict[str, Any]]:
        """The steps of a job."""
        return [frame for frame in self.frames[rank][job] if frame["type"] == "step"]

    def losses(self, job: int) -> list[float]:
        """The losses of a job."""
        return [frame["loss"] for frame in self.steps(job)]

    def weights(self, job: int) -> str:
        """The hash of what a job made; all ranks know it."""
        hashes = {ended["trained"]["weights_sha256"] for ended in self.ends(job) if ended["type"] == "done"}
        assert len(hashes) == 1, (self.ends(job), self.logs)
        return hashes.pop()

    def ends(self, job: int) -> list[dict[str, Any]]:
        """How each rank ended a job."""
        return [frames[job][-1] for frames in self.frames]


def launch(
    folder: Path, jobs: Sequence[Mapping[str, Any]], ranks: int, *, hook: str = "", kill: Sequence[int] = ()
) -> Launch:
    """Run the jobs (fields of training jobs) on this many ranks.

    ``hook`` names a function "module:name" of the tests that every rank calls with itself before the first job.
    ``kill`` are ranks that may end by a signal.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "jobs.json").write_text(json.dumps(list(jobs)))
    port = _free_port()
    processes = [_start(folder, rank, ranks, port, hook) for rank in range(ranks)]
    try:
        codes = [process.wait(LIMIT_SECONDS) for process in processes]
    finally:
        for process in processes:
            process.kill()
    logs = [(folder / f"{rank}.log").read_text() for rank in range(ranks)]
    frames = [_frames(folder / f"{rank}.frames") for rank in range(ranks)]
    for rank in range(ranks):
        assert rank in kill or len(frames[rank]) == len(jobs), (
            f"rank {rank} ended with {codes[rank]}: {logs[rank][-3000:]}"
        )
    return Launch(frames, logs, codes)


def _start(folder: Path, rank: int, ranks: int, port: int, hook: str) -> subprocess.Popen[bytes]:
    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": ranks, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    with (folder / f"{rank}.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, __file__, str(folder / "jobs.json"), str(folder / f"{rank}.frames"), hook],
            stdout=log,
            stderr=log,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join((str(SOURCE), str(TESTS), str(Path(__file__).parent))),
                **{name: str(value) for name, value in place.items()},
            },
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _frames(file: Path) -> list[list[dict[str, Any]]]:
    jobs: list[list[dict[str, Any]]] = [[]]
    for line in file.read_text().splitlines() if file.exists() else []:
        jobs[-1].append(json.loads(line))
        if jobs[-1][-1]["type"] in ("done", "failed"):
            jobs.append([])
    return jobs[:-1]


def _main(jobs_file: str, frames_file: str, hook: str) -> None:
    """One rank."""
    from longform_worker.engines.main import failure_of
    from longform_worker.engines.train import export, loop, prove
    from longform_worker.jobs import TrainingJob, read_record
    from longform_worker.wire import EngineLink

    file = Path(frames_file).open("w")  # noqa: SIM115  # for as long as the process lives

    class WritingLink(EngineLink):
        def __init__(self) -> None:
            pass

        def send(self, type_: str, /, **fields: object) -> None:
            file.write(json.dumps({"type": type_, **fields}) + "\n")
            file.flush()

    # A fresh process for every proof would take longer than the training; test_export.py starts one.
    export.prove_in_fresh_process = prove.prove
    if hook:
        module, _, name = hook.partition(":")
        getattr(importlib.import_module(module), name)(int(os.environ["RANK"]))
    for fields in json.loads(Path(jobs_file).read_text()):
        link = WritingLink()
        try:
            link.send("done", **loop.run(read_record(TrainingJob, fields, "training"), link))
        except Exception as error:
            import traceback

            traceback.print_exc()
            link.send("failed", **failure_of(error).fields())
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    _main(*sys.argv[1:])
