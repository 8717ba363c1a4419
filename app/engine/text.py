"""From the bytes of tokens to text that may be shown: whole characters, and nothing past a stop string."""

from __future__ import annotations

import codecs
from collections.abc import Iterable


class ReplyText:
    """The text of one reply as it grows."""

    def __init__(self, stops: Iterable[str] = ()) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._stops = tuple(stop for stop in stops if stop)
        self._held = ""  # the beginning of what may become a stop string
        self.is_stopped = False

    def feed(self, piece: bytes) -> str:
        """Take the next token's bytes and return the text that is now certain; "" is usual."""
        text = self._decode(piece)
        if not self._stops or not text:
            return text
        return self._look_for_stops(self._held + text)

    def finish(self) -> str:
        """Return what was still held back. A character that never became whole is U+FFFD."""
        rest = self._decode(b"", True)
        if self._stops:
            rest = self._look_for_stops(self._held + rest)
            rest, self._held = rest + self._held, ""
        return rest

    def _look_for_stops(self, text: str) -> str:
        if self.is_stopped:
            return ""
        found = [at for stop in self._stops if (at := text.find(stop)) >= 0]
        if found:
            self.is_stopped, self._held = True, ""
            return text[: min(found)]
        certain = len(text) - max(_overlap(text, stop) for stop in self._stops)
        self._held = text[certain:]
        return text[:certain]


def _overlap(text: str, stop: str) -> int:
    """Return how many of the last characters are the beginning of `stop`."""
    return next((n for n in range(min(len(text), len(stop) - 1), 0, -1) if text.endswith(stop[:n])), 0)
