"""Runs trainings as ranks on this machine, each in a process of its own, several trainings one after the other.

Starting a process costs more than a tiny training, so checks that need several ranks share a launch: every rank takes
the same list of jobs. Usage: python ranks.py JOBS.json FRAMES; the environment names the rank.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).parents[2] / "src"
TESTS = Path(__file__).parents[1]
LIMIT_SECONDS = 600


@dataclass(frozen=True)
class Launch:
    """What the ranks of a launch said: ``frames[rank][title]`` in order; the last one is "done" or "failed"."""

    frames: list[dict[str, list[dict[str, Any]]]]
    logs: list[str]
    codes: list[int]

    def steps(self, title: str) -> list[dict[str, Any]]:
        """The steps of a job, as rank 0 tells them."""
        return [frame for frame in self.frames[0][title] if frame["type"] == "step"]

    def losses(self, title: str) -> list[float]:
        """The losses of a job."""
        return [frame["loss"] for frame in self.steps(title)]

    def weights(self, title: str) -> str:
        """The hash of what a job made; all ranks know it."""
        assert {end["type"] for end in self.ends(title)} == {"done"}, (self.ends(title), self.logs)
        (found,) = {end["trained"]["weights_sha256"] for end in self.ends(title)}
        return found

    def ends(self, title: str) -> list[dict[str, Any]]:
        """How each rank ended a job."""
        return [frames[title][-1] for frames in self.frames]


def launch(
    folder: Path,
    jobs: Mapping[str, Mapping[str, Any]],
    ranks: int,
    *,
    stop: Mapping[str, int] | None = None,
    hook: str = "",
    dying: Sequence[int] = (),
) -> Launch:
    """Run jobs (fields of training jobs by their titles), one after the other, on this many ranks.

    stop: the last rank of these jobs gets SIGTERM when rank 0 has taken the step.
    hook: names a function "module:name" of the tests that every rank calls with its number and the folder before the
    first job.
    dying: ranks that need not come to their end.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stop = stop or {}
    (folder / "jobs.json").write_text(json.dumps([[title, job, stop.get(title, 0)] for title, job in jobs.items()]))
    port = _free_port()
    processes = [_start(folder, rank, ranks, port, hook) for rank in range(ranks)]
    try:
        codes = [process.wait(LIMIT_SECONDS) for process in processes]
    finally:
        for process in processes:
            process.kill()
    logs = [(folder / f"{rank}.log").read_text() for rank in range(ranks)]
    frames = [_frames(folder / f"{rank}.frames", list(jobs)) for rank in range(ranks)]
    for rank in set(range(ranks)) - set(dying):
        assert len(frames[rank]) == len(jobs), f"rank {rank} ended with {codes[rank]}: {logs[rank][-3000:]}"
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


def _frames(file: Path, titles: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Frames of the jobs that have ended."""
    jobs: list[list[dict[str, Any]]] = [[]]
    for line in file.read_text().splitlines() if file.exists() else []:
        jobs[-1].append(json.loads(line))
        if jobs[-1][-1]["type"] in ("done", "failed"):
            jobs.append([])
    return dict(zip(titles, jobs[:-1], strict=False))


def _prove(folder: Path, precision: Any, _asked: object) -> bool:
    from longform_worker.engines.train import prove

    prove.prove(folder, precision)
    return True


def _main(jobs_file: str, frames_file: str, hook: str) -> None:
    """One rank."""
    from longform_worker.engines.main import failure_of
    from longform_worker.engines.train import export, loop
    from longform_worker.jobs import TrainingJob
    from longform_worker.records import read_record
    from longform_worker.wire import EngineLink

    file = Path(frames_file).open("w")  # noqa: SIM115  # for as long as the process lives

    last_rank = Path(jobs_file).with_name("last-rank.pid")
    if os.environ["RANK"] == str(int(os.environ["WORLD_SIZE"]) - 1):
        last_rank.write_text(str(os.getpid()))

    class WritingLink(EngineLink):
        def __init__(self, stop_at: int) -> None:
            self._stop_at = stop_at

        def send(self, type_: str, /, **fields: object) -> None:
            file.write(json.dumps({"type": type_, **fields}) + "\n")
            file.flush()
            if type_ == "step" and fields["step"] == self._stop_at:
                os.kill(int(last_rank.read_text()), signal.SIGTERM)

    # A fresh process for every proof would take longer than the training; test_export.py starts one.
    export.prove_in_fresh_process = _prove
    if hook:
        module, _, name = hook.partition(":")
        getattr(importlib.import_module(module), name)(int(os.environ["RANK"]), Path(jobs_file).parent)
    for _, fields, stop_at in json.loads(Path(jobs_file).read_text()):
        link = WritingLink(stop_at)
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
