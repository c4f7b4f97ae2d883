"""The agent's side of RunnerService: it reports for work, and again whenever it was left alone for a while."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from typing import cast

import grpc

import longform_worker
from longform_worker.agent.admission import EPOCH_KEY, TOKEN_KEY, Contact, Fence
from longform_worker.agent.limits import (
    CALL_DEADLINE_MS,
    KEEPALIVE_INTERVAL_MS,
    KEEPALIVE_TIMEOUT_MS,
    MAX_MESSAGE_BYTES,
    REGISTER_BACKOFF_FIRST_MS,
    REGISTER_BACKOFF_LAST_MS,
)
from longform_worker.agent.settings import Settings
from longform_worker.gen.runner_pb2 import RegisterAgentReply, RegisterAgentRequest
from longform_worker.gen.runner_pb2_grpc import RunnerServiceStub

LOGGER = logging.getLogger("longform.agent")

# Of the orphan grace: an idle agent asks before it must believe that it is alone.
QUIET_SHARE = 1 / 3

CHANNEL_OPTIONS: Sequence[tuple[str, int]] = (
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.keepalive_time_ms", KEEPALIVE_INTERVAL_MS),
    ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MS),
    ("grpc.initial_reconnect_backoff_ms", REGISTER_BACKOFF_FIRST_MS),
    ("grpc.min_reconnect_backoff_ms", REGISTER_BACKOFF_FIRST_MS),
    ("grpc.max_reconnect_backoff_ms", REGISTER_BACKOFF_LAST_MS),
    # A proxy of the environment has no business between two processes of one machine.
    ("grpc.enable_http_proxy", 0),
)


async def keep_registered(settings: Settings, address: str, fence: Fence, contact: Contact) -> None:
    """Registers until a runner answers, then whenever none was heard of for a third of the orphan grace. Endless."""
    quiet_seconds = settings.orphan_grace_seconds * QUIET_SHARE
    wait_ms = REGISTER_BACKOFF_FIRST_MS
    async with grpc.aio.insecure_channel(settings.runner_address, options=CHANNEL_OPTIONS) as channel:
        stub = RunnerServiceStub(channel)
        while True:
            try:
                await register(stub, settings, address, fence, contact)
            except grpc.aio.AioRpcError as error:
                LOGGER.warning("registration: %s %s", error.code().name, error.details())
                await asyncio.sleep(wait_ms / 1000)
                wait_ms = min(wait_ms * 2, REGISTER_BACKOFF_LAST_MS)
                continue
            wait_ms = REGISTER_BACKOFF_FIRST_MS
            while (left := quiet_seconds - contact.silent_seconds()) > 0:
                await asyncio.sleep(left)


async def register(stub: RunnerServiceStub, settings: Settings, address: str, fence: Fence, contact: Contact) -> None:
    """One registration; adopts the epoch in the answer."""
    request = RegisterAgentRequest(
        agent_id=settings.agent_id,
        address=address,
        worker_version=longform_worker.__version__,
        epoch=fence.epoch,
        pid=os.getpid(),
    )
    metadata = ((TOKEN_KEY, f"Bearer {settings.token}"), (EPOCH_KEY, str(fence.epoch)))
    # The generated stub has no types.
    call = cast(
        "Callable[..., Awaitable[RegisterAgentReply]]",
        stub.RegisterAgent,  # pyright: ignore[reportUnknownMemberType]
    )
    reply = await call(request, metadata=metadata, timeout=CALL_DEADLINE_MS / 1000)
    if fence.admit(reply.epoch):
        contact.touch()
    else:
        LOGGER.warning("a runner of epoch %d answered, this run is at %d", reply.epoch, fence.epoch)
        await asyncio.sleep(REGISTER_BACKOFF_LAST_MS / 1000)
