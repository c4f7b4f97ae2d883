"""The agent's life: bind, serve, register, and end when asked, when signalled or when left alone."""

import asyncio
import contextlib
import logging
import os
import platform
import signal
import socket
import sys
import tempfile
from collections.abc import Generator, Sequence
from pathlib import Path

# Engines are started by exec from a thread that runs no Python in between: gRPC has nothing to prepare for a fork.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"

import grpc

from longform_worker.agent.admission import Admission, Contact, Fence
from longform_worker.agent.environments import Environments
from longform_worker.agent.limits import (
    DEFAULT_GRACE_MS,
    KEEPALIVE_INTERVAL_MS,
    KEEPALIVE_TIMEOUT_MS,
    MAX_MESSAGE_BYTES,
    MIN_RECEIVED_PING_INTERVAL_MS,
)
from longform_worker.agent.live import open_live
from longform_worker.agent.place import LOOPBACK_ADDRESS
from longform_worker.agent.process import RUN_COOKIE_VARIABLE
from longform_worker.agent.registration import keep_registered
from longform_worker.agent.service import Worker
from longform_worker.agent.settings import LOOPBACK, BadSettings, Settings, read_settings
from longform_worker.failure import EngineFailure
from longform_worker.gen.worker_pb2_grpc import (
    add_WorkerServiceServicer_to_server,  # pyright: ignore[reportUnknownVariableType] - generated without types
)

LOGGER = logging.getLogger("longform.agent")

EXIT_BAD_SETTINGS = 2
EXIT_ADDRESS = 3
# Watchers get a job's last event while the server winds down.
WIND_DOWN_SECONDS = 2.0
ORPHAN_LOOK_SECONDS = 1.0

SERVER_OPTIONS: Sequence[tuple[str, int]] = (
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.keepalive_time_ms", KEEPALIVE_INTERVAL_MS),
    ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MS),
    ("grpc.keepalive_permit_without_calls", 1),
    # Without this a silent stream is asked twice and then never again.
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", MIN_RECEIVED_PING_INTERVAL_MS),
    # Two agents must not share a port in silence.
    ("grpc.so_reuseport", 0),
)


class AddressInUse(Exception):
    """The address to listen on cannot be had."""


def main() -> None:
    """Runs the agent; its log goes to stderr."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    try:
        asyncio.run(run(read_settings()))
    except BadSettings as error:
        LOGGER.error("spec_refused: %s", error)
        sys.exit(EXIT_BAD_SETTINGS)
    except AddressInUse as error:
        LOGGER.error("address_in_use: %s", error)
        sys.exit(EXIT_ADDRESS)


async def run(settings: Settings) -> None:
    """Serves until an end is asked for, then ends all engines and itself."""
    # Everything this agent starts carries the mark; the launcher's variable may come from a file of its own.
    os.environ[RUN_COOKIE_VARIABLE] = settings.run_cookie
    fence, contact = Fence(settings.epoch), Contact()
    with private_folder(settings.listen) as folder:
        live, why_not = open_live(folder, settings.live)
        if why_not:
            LOGGER.info("no live view: %s", why_not)
        environments = Environments(settings.environments)
        worker = Worker(
            address=meeting_address(settings.listen),
            run_cookie=settings.run_cookie,
            environments=environments,
            fence=fence,
            contact=contact,
            live=live,
        )
        server = grpc.aio.server(interceptors=[Admission(settings.token, fence, contact)], options=SERVER_OPTIONS)
        add_WorkerServiceServicer_to_server(worker, server)
        address = bind(server, settings.listen)
        await server.start()
        LOGGER.info("agent %s listens on %s", settings.agent_id, address)
        registering = asyncio.create_task(keep_registered(settings, address, fence, contact))
        try:
            why = await wait_for_end(worker, contact, settings.orphan_grace_seconds)
            LOGGER.info("ending: %s", why.detail)
            # A scheduler that takes a machine away signals every process on it: trainings save a checkpoint first.
            await worker.end_all(why, DEFAULT_GRACE_MS / 1000, preempted=why.code == "signal")
        finally:
            registering.cancel()
            environments.close()
            await server.stop(WIND_DOWN_SECONDS)
            live.close()


async def wait_for_end(worker: Worker, contact: Contact, orphan_grace_seconds: float) -> EngineFailure:
    """Waits for Shutdown, for SIGTERM or SIGINT, or for silence; returns what jobs end with."""
    signalled: asyncio.Future[signal.Signals] = asyncio.get_running_loop().create_future()

    def note(number: signal.Signals) -> None:
        if not signalled.done():
            signalled.set_result(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, note, number)
    shutdown = asyncio.create_task(worker.shutdown_asked.wait())
    while True:
        await asyncio.wait(
            {signalled, shutdown},
            timeout=min(ORPHAN_LOOK_SECONDS, orphan_grace_seconds / 4),
            return_when=asyncio.FIRST_COMPLETED,
        )
        if shutdown.done():
            return EngineFailure("user_cancel", "the runner ended this agent")
        if signalled.done():
            name = signalled.result().name
            return EngineFailure("signal", f"the worker agent got {name}", signal=name, pid=os.getpid())
        if contact.silent_seconds() >= orphan_grace_seconds:
            return EngineFailure("node_lost", f"no runner called for {orphan_grace_seconds:g} s", pid=os.getpid())


def meeting_address(listen: str) -> str:
    """Where processes of other nodes find those of this one; an agent that nobody else can reach has no such nodes."""
    return LOOPBACK_ADDRESS if listen.startswith(("unix:", *LOOPBACK)) else platform.node()


@contextlib.contextmanager
def private_folder(listen: str) -> Generator[Path]:
    """The folder of the agent's sockets, only for its owner: the launcher's, or one of its own that it removes."""
    if listen.startswith("unix:"):
        path = Path(listen.removeprefix("unix:"))
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        clear_stale_socket(path)
        try:
            yield path.parent
        finally:
            path.unlink(missing_ok=True)
    else:
        with tempfile.TemporaryDirectory(prefix="longform-") as folder:
            yield Path(folder)


def clear_stale_socket(path: Path) -> None:
    """Removes the socket file of a dead agent. Raises AddressInUse when a living one answers on it."""
    if not path.is_socket():
        if path.exists():
            raise AddressInUse(f"{path} exists and is no socket")
        return
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
    raise AddressInUse(f"another process listens on {path}")


def bind(server: grpc.aio.Server, listen: str) -> str:
    """Binds the server; returns the address a runner can call, with the port that was found for port 0."""
    try:
        port = server.add_insecure_port(listen)
    except RuntimeError as error:
        raise AddressInUse(f"{listen}: {error}") from error
    if listen.startswith("unix:"):
        Path(listen.removeprefix("unix:")).chmod(0o600)
        return listen
    return f"{listen.rpartition(':')[0]}:{port}"
