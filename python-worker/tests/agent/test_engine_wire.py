"""Frames between agent and engine, and the table of exceptions."""

import errno
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from agent_rig import SOURCE

from longform_worker.engines.main import failure_of
from longform_worker.failure import EngineFailure, FailureCode
from longform_worker.wire import (
    AGENT_PID_VARIABLE,
    FRAME_LIMIT_BYTES,
    LENGTH,
    BadFrame,
    EngineLink,
    LinkClosed,
    body_length,
    decode,
    encode,
)


@pytest.fixture
def pair() -> Iterator[tuple[EngineLink, socket.socket]]:
    ours, theirs = socket.socketpair()
    with EngineLink(ours) as link, theirs:
        yield link, theirs


def test_frames_arrive_whole_and_in_order_however_they_are_cut(pair: tuple[EngineLink, socket.socket]) -> None:
    link, other = pair
    data = encode({"type": "request", "prompt": "世界"}) + encode({"type": "close"})
    for index in range(len(data)):
        if index < len(data) - 1:
            other.sendall(data[index : index + 1])
    assert link.receive() == {"type": "request", "prompt": "世界"}
    assert link.receive(0) is None
    assert link.receive(0.05) is None
    other.sendall(data[-1:])
    assert link.receive(1) == {"type": "close"}
    other.close()
    with pytest.raises(LinkClosed):
        link.receive(1)


def test_frames_sent_from_many_threads_do_not_mix(pair: tuple[EngineLink, socket.socket]) -> None:
    link, other = pair
    reader = EngineLink(other.dup())

    def send_fifty(number: int) -> None:
        for _ in range(50):
            link.send("live", n=number, text="x" * 5000)

    threads = [threading.Thread(target=send_fifty, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    with reader:
        frames = [reader.receive() for _ in range(200)]
    for thread in threads:
        thread.join()
    assert sorted(frame["n"] for frame in frames) == sorted(list(range(4)) * 50)


def test_sending_to_an_agent_that_is_gone_says_so(pair: tuple[EngineLink, socket.socket]) -> None:
    link, other = pair
    other.close()
    with pytest.raises(LinkClosed):
        link.send("live")


@pytest.mark.parametrize("body", [b"{", b"[]", b"{}", b'{"type": 3}', b"\xff"])
def test_bytes_that_are_no_frame_are_refused(body: bytes) -> None:
    with pytest.raises(BadFrame):
        decode(body)


def test_frames_above_the_limit_and_numbers_that_are_none_are_refused() -> None:
    with pytest.raises(BadFrame, match="limit"):
        body_length(LENGTH.pack(FRAME_LIMIT_BYTES + 1))
    with pytest.raises(BadFrame, match="limit"):
        encode({"type": "live", "text": "x" * FRAME_LIMIT_BYTES})
    with pytest.raises(ValueError, match="Out of range"):
        encode({"type": "step", "loss": float("nan")})


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    """The exception as an engine would see it: with a place, and perhaps a cause."""
    try:
        raise error from cause
    except BaseException as caught:
        return caught


class DeviceOutOfMemory(RuntimeError):
    """Stands for torch.OutOfMemoryError."""


@pytest.mark.parametrize(
    ("error", "code", "facts"),
    [
        (EngineFailure("gate_missed", "0.5", step=3), "gate_missed", {"step": "3"}),
        (MemoryError(), "device_oom", {"device": "cpu"}),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 9 bytes"),
            "device_oom",
            {"device": "cpu"},
        ),
        (OSError(errno.ENOSPC, "No space left on device", "/out/w"), "disk_full", {"file": "/out/w"}),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "disk_full", {}),
        (OSError(errno.EROFS, "Read-only file system", "/out"), "disk_full", {"file": "/out"}),
        (PermissionError(errno.EACCES, "Permission denied", "/nowhere/new"), "disk_full", {"file": "/nowhere/new"}),
        (PermissionError(errno.EACCES, "Permission denied", __file__), "data_refused", {"file": __file__}),
        (OSError(errno.EADDRINUSE, "Address already in use"), "address_in_use", {}),
        (ValueError("safetensors: I/O error: No space left on device (os error 28)"), "disk_full", {}),
        (ModuleNotFoundError("No module named 'torch'", name="torch"), "environment_missing", {"library": "torch"}),
        (ImportError("libtorch.so: undefined symbol", name="torch._C"), "environment_missing", {"library": "torch"}),
        (ModuleNotFoundError("x", name="longform_worker.engines.nothing"), "internal", {}),
        (KeyError("field"), "internal", {"exception": "KeyError"}),
        (FileNotFoundError(errno.ENOENT, "No such file", "/x"), "internal", {"exception": "FileNotFoundError"}),
    ],
)
def test_each_exception_has_its_code(error: BaseException, code: FailureCode, facts: dict[str, str]) -> None:
    failure = failure_of(raised(error))
    assert failure.code == code
    assert facts.items() <= failure.facts.items()


def test_the_cause_of_a_wrapped_exception_decides() -> None:
    wrapped = raised(RuntimeError("cannot save"), OSError(errno.ENOSPC, "No space left on device", "/out"))
    assert failure_of(wrapped).code == "disk_full"
    again = raised(EngineFailure("model_refused", "m"), OSError(errno.ENOSPC, "No space left on device"))
    assert failure_of(again).code == "model_refused"


def test_a_device_without_memory_is_asked_of_torch_only_where_torch_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = SimpleNamespace(is_available=lambda: True, mem_get_info=lambda: (1, 2), max_memory_allocated=lambda: 3)
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(OutOfMemoryError=DeviceOutOfMemory, cuda=cuda))
    failure = failure_of(raised(DeviceOutOfMemory("CUDA out of memory.\nTried to allocate")))
    assert failure.code == "device_oom"
    assert failure.detail == "CUDA out of memory."
    assert failure.facts == {"device": "accelerator", "free_bytes": "1", "total_bytes": "2", "peak_bytes": "3"}
    monkeypatch.delitem(sys.modules, "torch")
    assert failure_of(raised(DeviceOutOfMemory("CUDA out of memory."))).code == "internal"


def test_a_defect_names_the_line_that_raised_it() -> None:
    failure = failure_of(raised(ZeroDivisionError("division by zero")))
    assert failure.facts["where"].startswith(__file__)


def test_an_engine_whose_agent_died_before_it_looked_ends_at_once() -> None:
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), AGENT_PID_VARIABLE: "1" if os.getpid() != 1 else "2"}
    engine = subprocess.run(
        [sys.executable, "-m", "longform_worker.engines"], env=environment, timeout=20, check=False, capture_output=True
    )
    assert (engine.returncode, engine.stderr) == (1, b"")


def test_a_file_name_that_is_no_text_can_be_told() -> None:
    failure = EngineFailure("data_refused", "bad \udcff", file="\udcfe.png")
    assert decode(encode({"type": "failed", **failure.fields()})[LENGTH.size :])["facts"] == {"file": "\\udcfe.png"}
