"""Who may call: the run's token on every call, and no runner that another has replaced."""

import hmac
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import grpc

# A method's handler; grpc's stubs do not name what it takes and gives.
Handler = Any

EPOCH_KEY = "longform-epoch"
TOKEN_KEY = "authorization"  # noqa: S105 - the name of a header


class Fence:
    """The highest epoch seen. A call with a lower one comes from a runner that was replaced."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        # Called when a new runner took over: streams of the old one end.
        self.on_raise: Callable[[], None] = lambda: None

    def admit(self, epoch: int) -> bool:
        """Whether a caller of this epoch may go on; a higher one replaces all before it."""
        if epoch > self.epoch:
            self.epoch = epoch
            self.on_raise()
        return epoch == self.epoch


class Contact:
    """When a runner was last heard of, on this machine's monotonic clock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = clock()
        self._open_streams = 0

    def touch(self) -> None:
        """A runner called, or answered."""
        self._last = self._clock()

    def __enter__(self) -> None:
        """A stream is open: as long as it is, the runner is there."""
        self._open_streams += 1

    def __exit__(self, *_: object) -> None:
        self._open_streams -= 1
        self.touch()

    def silent_seconds(self) -> float:
        """Seconds since a runner was last heard of."""
        return 0.0 if self._open_streams else self._clock() - self._last


class Admission(grpc.aio.ServerInterceptor):
    """Refuses calls before their method sees them; unknown methods too."""

    def __init__(self, token: str, fence: Fence, contact: Contact) -> None:
        self._expected = f"Bearer {token}".encode()
        self._fence = fence
        self._contact = contact

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        handler = await continuation(handler_call_details)
        metadata = dict(handler_call_details.invocation_metadata)
        refusal = self._refusal(metadata.get(TOKEN_KEY, ""), metadata.get(EPOCH_KEY, ""))
        if refusal is not None:
            return refusing(handler, *refusal)
        self._contact.touch()
        return handler

    def _refusal(self, token: str | bytes, epoch: str | bytes) -> tuple[grpc.StatusCode, str] | None:
        given = token.encode() if isinstance(token, str) else token
        if not hmac.compare_digest(given, self._expected):
            return grpc.StatusCode.UNAUTHENTICATED, "the token is missing or is not this run's"
        if not epoch.isdigit() or int(epoch) == 0:
            return grpc.StatusCode.INVALID_ARGUMENT, f"metadata {EPOCH_KEY} is {epoch!r}, expected a number above zero"
        if not self._fence.admit(int(epoch)):
            return (
                grpc.StatusCode.FAILED_PRECONDITION,
                f"epoch {int(epoch)} was replaced by epoch {self._fence.epoch}: another runner holds this run",
            )
        return None


def refusing(handler: Handler, code: grpc.StatusCode, detail: str) -> Handler:
    """A handler of the same shape that only refuses."""

    async def refuse(_: object, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        await context.abort(code, detail)

    shape = (False, False) if handler is None else (handler.request_streaming, handler.response_streaming)
    return HANDLERS[shape](refuse)


# How to make a handler, by whether requests and responses are streams.
HANDLERS: Mapping[tuple[bool, bool], Callable[[Handler], Handler]] = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}
