"""One request between its arrival in an engine and its end: the text so far and what of it was sent."""

from __future__ import annotations

from longform_worker.engines.generate.engine import Prompt

DELTA_TOKENS = 16
DELTA_SECONDS = 0.05


class Flight:
    """Gathers what an engine writes for a request, so that not every token becomes a message.

    The first characters go out at once, then whatever came in every 16 tokens or 50 ms. Times are
    seconds of a monotonic clock.
    """

    def __init__(self, request_id: str, prompt: Prompt) -> None:
        self.request_id = request_id
        self.prompt = prompt
        self.tokens = 0
        self._parts: list[str] = []
        self._sent_parts = 0
        self._sent_tokens = 0
        self._sent_at = float("-inf")

    def add(self, text: str, tokens: int) -> None:
        """Take what one step wrote; ``tokens`` counts all tokens so far."""
        self.tokens = tokens
        if text:
            self._parts.append(text)

    def unsent(self) -> bool:
        """Whether there is text that was not sent yet."""
        return len(self._parts) > self._sent_parts

    def due(self, now: float) -> bool:
        """Whether there is unsent text that should wait no longer."""
        if not self.unsent():
            return False
        return self.tokens - self._sent_tokens >= DELTA_TOKENS or now - self._sent_at >= DELTA_SECONDS

    def take(self, now: float) -> str:
        """The unsent text, which counts as sent from here on."""
        text = "".join(self._parts[self._sent_parts :])
        self._sent_parts, self._sent_tokens, self._sent_at = len(self._parts), self.tokens, now
        return text

    def text(self) -> str:
        """Everything written so far."""
        return "".join(self._parts)

    def tail(self, characters: int) -> str:
        """The last characters written."""
        return "".join(self._parts[-characters:])[-characters:]  # no part is empty
