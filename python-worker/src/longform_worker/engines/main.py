"""What every engine does: read the job, run the module for its kind, say how it ended.

Convention. Each engine is a module with one public function

    def run(job: <its record of longform_worker.jobs>, link: wire.EngineLink) -> dict[str, object]

that returns the result as the proto message ``JobDone`` has it: ``{"imported": {...}}``, ``{"made": {...}}``,
``{"trained": {...}}`` or ``{"generated": {...}}``. While it works it calls ``link.phase("loading")``,
``link.send("step", step=1, ...)``, ``link.live(...)``; a generation calls ``link.receive()`` for its requests.
It raises EngineFailure for what it knows, and lets everything else pass: ``failure_of`` below is the one place
where an exception becomes a failure code. It imports torch and the like inside ``run`` or below it, so that an
engine that needs none starts at once.
"""

import ctypes
import errno
import importlib
import os
import signal
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path

from longform_worker.failure import EngineFailure
from longform_worker.jobs import AuditJob, FetchJob, GenerationJob, ImportJob, ModelJob, ReadJob, TrainingJob
from longform_worker.records import read_record
from longform_worker.wire import AGENT_PID_VARIABLE, EngineLink, LinkClosed

# Kind of job: the module that does it and the record it is given.
ENGINES: Mapping[str, tuple[str, type[object]]] = {
    "import": ("longform_worker.engines.import_rows", ImportJob),
    "model": ("longform_worker.engines.make_model", ModelJob),
    "training": ("longform_worker.engines.train.loop", TrainingJob),
    "audit": ("longform_worker.engines.audit", AuditJob),
    "read": ("longform_worker.engines.read_dataset", ReadJob),
    "fetch": ("longform_worker.engines.fetch", FetchJob),
    "generation": ("longform_worker.engines.generate.serve", GenerationJob),
}

PR_SET_PDEATHSIG = 1


def main(engines: Mapping[str, tuple[str, type[object]]] = ENGINES) -> None:
    """Runs one engine to its end and exits: 0 when it is done, 1 when it failed."""
    die_with_agent()
    with EngineLink.from_environment() as link:
        try:
            link.phase("starting")
            link.send("done", **result_of(link, engines))
        except LinkClosed:
            sys.exit(1)
        except Exception as error:
            tell(link, error)
            sys.exit(1)


def result_of(link: EngineLink, engines: Mapping[str, tuple[str, type[object]]]) -> dict[str, object]:
    """Reads the job and does it."""
    frame = link.receive()
    if frame["type"] != "job":
        raise EngineFailure("internal", f'the first frame is "{frame["type"]}", not the job')
    module_name, record = engines[frame["kind"]]
    job: object = read_record(record, frame["job"], frame["kind"])
    return importlib.import_module(module_name).run(job, link)


def die_with_agent() -> None:
    """Has the kernel end this process when the agent does.

    The agent starts engines from a thread that lives as long as the agent, because the signal is tied to the
    thread. If the agent died before this call the parent is already another process. Setting it here rather than
    between fork and exec keeps Python code out of the fork of a process with gRPC threads.
    """
    die_with(int(os.environ.pop(AGENT_PID_VARIABLE)))


def die_with(parent_pid: int) -> None:
    """Has the kernel end this process when the thread ends that has started it."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent_pid:
        os._exit(1)


def tell(link: EngineLink, error: Exception) -> None:
    """Prints the stack for the log and sends the failure."""
    failure = failure_of(error)
    if not isinstance(error, EngineFailure):
        traceback.print_exception(error)
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        link.send("failed", **failure.fields())
    except LinkClosed:
        sys.stderr.write(f"the agent is gone; this engine failed with {failure}\n")


def failure_of(error: BaseException) -> EngineFailure:
    """The failure that an exception means: the one table of exceptions.

    Causes count too: libraries wrap the errors of the system in their own.
    """
    chain = causes(error)
    for link in chain:
        known = known_failure(link)
        if known is not None:
            return known
    return EngineFailure(
        "internal",
        f"{type(error).__name__}: {first_line(error)}",
        exception=type(error).__name__,
        where=place_of(error),
    )


def known_failure(error: BaseException) -> EngineFailure | None:
    """The failure of one exception without its causes; None when it says nothing definite."""
    text = first_line(error)
    if isinstance(error, EngineFailure):
        return error
    if isinstance(error, ModuleNotFoundError | ImportError):
        return missing_library(error)
    if is_device_out_of_memory(error):
        return EngineFailure("device_oom", text, device="accelerator", **device_memory())
    if isinstance(error, MemoryError) or "DefaultCPUAllocator: can't allocate memory" in str(error):
        return EngineFailure("device_oom", text or "the process cannot allocate memory", device="cpu")
    if isinstance(error, OSError):
        return file_failure(error)
    # safetensors and tokenizers are Rust: their errors carry the number only as text.
    if "os error 28" in str(error) or "No space left on device" in str(error):
        return EngineFailure("disk_full", text)
    return None


def missing_library(error: ImportError) -> EngineFailure | None:
    """A library that is absent or does not load; None for a module of this package, which is our defect."""
    name = error.name or ""
    if name.split(".")[0] == "longform_worker":
        return None
    library = name.split(".")[0] or "unknown"
    return EngineFailure("environment_missing", first_line(error), library=library, python=sys.executable)


def is_device_out_of_memory(error: BaseException) -> bool:
    """Whether torch says that an accelerator is out of memory; torch is asked only if it was imported."""
    torch = sys.modules.get("torch")
    kind = getattr(torch, "OutOfMemoryError", None)
    return isinstance(kind, type) and isinstance(error, kind)


def device_memory() -> dict[str, str]:
    """What torch knows about the device's memory, in bytes."""
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    if cuda is None or not cuda.is_available():
        return {}
    free, total = cuda.mem_get_info()
    return {"peak_bytes": str(cuda.max_memory_allocated()), "free_bytes": str(free), "total_bytes": str(total)}


def file_failure(error: OSError) -> EngineFailure | None:
    """Disk full, a folder that cannot be written, an address in use; None for other errors of the system."""
    facts = {"file": str(error.filename)} if error.filename is not None else {}
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
        return EngineFailure("disk_full", first_line(error), **facts)
    if error.errno in (errno.EACCES, errno.EPERM):
        unreadable = error.filename is not None and Path(error.filename).exists()
        return EngineFailure("data_refused" if unreadable else "disk_full", first_line(error), **facts)
    if error.errno == errno.EADDRINUSE:
        return EngineFailure("address_in_use", first_line(error), **facts)
    return None


def causes(error: BaseException) -> list[BaseException]:
    """The exception and what led to it, as Python would print them."""
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in chain:
        chain.append(current)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return chain


def first_line(error: BaseException) -> str:
    """The first line of an exception's text, at most 500 characters."""
    lines = str(error).strip().splitlines()
    return lines[0][:500] if lines else ""


def place_of(error: BaseException) -> str:
    """File and line that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
