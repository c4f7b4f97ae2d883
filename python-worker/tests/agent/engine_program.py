# ruff: noqa: T201 - what engines print is under test
"""An engine for tests: real start, real link, and a behaviour that the job names.

Run by an interpreter script in place of Python, it does what ``longform_worker.engines`` does, with its own table.
An import job's ``source_rows_path``, or a training's ``model_path``, is "name" or "name:argument" of a function below.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from longform_worker.engines import main as engines
from longform_worker.failure import EngineFailure
from longform_worker.jobs import GenerationJob, ImportJob, TrainingJob
from longform_worker.wire import EngineLink

DONE: dict[str, object] = {"imported": {"rows": 3, "images": 2, "new_images": 1}}


def done(link: EngineLink, argument: str) -> dict[str, object]:
    for number in range(int(argument or 0)):
        link.send("progress", done=number, total=int(argument), unit="rows")
    return DONE


def die(link: EngineLink, argument: str) -> dict[str, object]:
    print("last words", flush=True)
    os.kill(os.getpid(), signal.Signals[argument])
    time.sleep(30)
    return DONE


def leave(link: EngineLink, argument: str) -> dict[str, object]:
    print("unfinished words", end="", flush=True)
    os._exit(int(argument))


def refuse(link: EngineLink, argument: str) -> dict[str, object]:
    raise EngineFailure("data_refused", "the file is no image", row="a7", file="p.png")


def refuse_then_die(link: EngineLink, argument: str) -> dict[str, object]:
    link.send("failed", **EngineFailure("data_refused", "the file is no image").fields())
    os.kill(os.getpid(), signal.SIGSEGV)
    return DONE


def stop(link: EngineLink, argument: str) -> dict[str, object]:
    """Waits; with "deaf" it also ignores SIGTERM."""
    if argument == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    link.phase("running")
    time.sleep(60)
    return DONE


def grandchild(link: EngineLink, argument: str) -> dict[str, object]:
    """Leaves behind a process in a session of its own that ignores SIGTERM; its pid is told as progress."""
    program = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here'); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", program], start_new_session=True) as child:
        link.send("progress", done=child.pid, total=0, unit="pid")
        if argument == "leave":
            os._exit(3)
        time.sleep(60)
    return DONE


def hold_interpreter(link: EngineLink, argument: str) -> dict[str, object]:
    """Runs C code that does not let go of the interpreter lock for seconds."""
    link.phase("running")
    sum(range(int(argument)))
    return DONE


def lines(link: EngineLink, argument: str) -> dict[str, object]:
    for number in range(int(argument)):
        print(f"line {number}")
    return DONE


def lines_then_wait(link: EngineLink, argument: str) -> dict[str, object]:
    lines(link, argument)
    link.phase("running")
    time.sleep(60)
    return DONE


def one_line(link: EngineLink, argument: str) -> dict[str, object]:
    """One line of so many million bytes."""
    for _ in range(int(argument)):
        os.write(1, b"x" * 999_999 + b"y")
    os.write(1, b"\n")
    return DONE


def bar(link: EngineLink, argument: str) -> dict[str, object]:
    """A progress bar of so many states."""
    for number in range(int(argument) + 1):
        sys.stderr.write(f"\r{number}/{argument}")
    sys.stderr.write("\n")
    return DONE


def unknown_field(link: EngineLink, argument: str) -> dict[str, object]:
    link.send("progress", done=1, total=2, unit="rows", speed=3)
    time.sleep(60)
    return DONE


def hole(link: EngineLink, argument: str) -> dict[str, object]:
    link.send("progress", done=1, total=2)
    time.sleep(60)
    return DONE


def wrong_result(link: EngineLink, argument: str) -> dict[str, object]:
    return {"generated": {"requests": 1}}


def missing_library(link: EngineLink, argument: str) -> dict[str, object]:
    __import__("no_such_library.part")
    return DONE


def allocate(link: EngineLink, argument: str) -> dict[str, object]:
    """Touches so many million bytes."""
    print("about to allocate", flush=True)
    kept = [bytearray(b"x" * 1_000_000) for _ in range(int(argument))]
    return {"imported": {"rows": len(kept), "images": 0, "new_images": 0}}


def live(link: EngineLink, argument: str) -> dict[str, object]:
    """A preview and two steps."""
    link.live(text="a preview")
    seconds = {f"{name}_seconds": 0.5 for name in ("data", "forward", "backward", "update")}
    for number in (1, 2):
        link.send(
            "step", step=number, steps=2, loss=1.5, gradient_norm=1.0, learning_rate=1e-3, target_tokens=5, tokens=9,
            peak_memory_bytes=1 << 30, peak_device_memory_bytes=0, passes=1, ranks=1, **seconds,
        )  # fmt: skip
    return DONE


def variables(link: EngineLink, argument: str) -> dict[str, object]:
    for name in argument.split(","):
        print(f"{name}={os.environ.get(name)}")
    return DONE


def ranks(link: EngineLink, argument: str) -> dict[str, object]:
    """One behaviour for each rank, in their order, between bars; a process alone takes the first."""
    return behave(link, argument.split("|")[int(os.environ.get("RANK", "0"))])


def later(link: EngineLink, argument: str) -> dict[str, object]:
    """Another behaviour, half a second later."""
    time.sleep(0.5)
    return behave(link, argument)


def victim(link: EngineLink, argument: str) -> dict[str, object]:
    """What a rank says whose peer is gone."""
    raise EngineFailure("node_lost", "the connection to a peer broke", collective="true")


def port_taken(link: EngineLink, argument: str) -> dict[str, object]:
    """The port to meet at is taken, as often as the first number says; the file keeps the count."""
    times, _, path = argument.partition(",")
    with Path(path).open("a+") as file:
        file.write(os.environ["MASTER_PORT"] + "\n")
        file.seek(0)
        if len(file.readlines()) <= int(times):
            raise EngineFailure("address_in_use", "the port is taken", port=os.environ["MASTER_PORT"])
    return DONE


def save_on_term(link: EngineLink, argument: str) -> dict[str, object]:
    """Takes a second from the polite signal to its own end, as one does that saves."""
    asked = False

    def note(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked = True

    signal.signal(signal.SIGTERM, note)
    link.phase("running")
    while not asked:
        time.sleep(0.01)
    time.sleep(1)
    link.send("checkpoint", step=7, path="/checkpoints/7")
    raise EngineFailure("preempted", "asked to leave", step=7)


BEHAVIOURS: dict[str, Callable[[EngineLink, str], dict[str, object]]] = {
    function.__name__: function
    for function in (
        done, die, leave, refuse, refuse_then_die, stop, grandchild, hold_interpreter, lines, lines_then_wait,
        one_line, bar, unknown_field, hole, wrong_result, missing_library, allocate, live, variables,
        ranks, later, victim, save_on_term, port_taken,
    )
}  # fmt: skip


def run(job: ImportJob | TrainingJob | GenerationJob, link: EngineLink) -> dict[str, object]:
    """The engine."""
    if isinstance(job, GenerationJob):
        return echo(link)
    return behave(link, job.model_path if isinstance(job, TrainingJob) else job.source_rows_path)


def behave(link: EngineLink, behaviour: str) -> dict[str, object]:
    name, _, argument = behaviour.partition(":")
    return BEHAVIOURS[name](link, argument)


def echo(link: EngineLink) -> dict[str, object]:
    """Answers each prompt with its words: one delta each, then all. "die" dies, "hold" answers nothing."""
    link.send("ready", load_seconds=0.1)
    finished: dict[str, str] = {}
    while (frame := link.receive())["type"] != "close":
        request_id, prompt = frame["request_id"], frame.get("prompt", "")
        print(f"request {request_id}", flush=True)
        if frame["cancel"]:
            continue
        if prompt == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if prompt == "hold":
            continue
        if request_id not in finished:
            for number, word in enumerate(prompt.split()):
                link.send("reply", request_id=request_id, delta={"text": word, "tokens": number + 1})
        finished[request_id] = prompt
        link.send("reply", request_id=request_id, finished={
            "finish": "FINISH_REASON_STOP", "text": prompt, "prompt_tokens": 1,
            "output_tokens": len(prompt.split()), "prompt_sha256": "0" * 64,
        })  # fmt: skip
    return {"generated": {"requests": len(finished)}}


if __name__ == "__main__":
    records = {"import": ImportJob, "training": TrainingJob, "generation": GenerationJob}
    engines.main({kind: ("engine_program", record) for kind, record in records.items()})
