"""The one thing the rest of the program knows about inference.

Three things may stand behind it: llama.cpp in the lane's thread, the same in a
child process, and a scripted fake for tests.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from app.core.generation import LoadedModel, LoadSpec, Measure, ReplyEvent, ReplyRequest, Turn
from app.core.jobs import CancelToken, Report


class Backend(Protocol):
    """At most one loaded model. Every call is made from one thread, the engine lane's."""

    @property
    def model(self) -> LoadedModel | None:
        """The loaded model; the only attribute other threads may read."""
        ...

    def load(self, spec: LoadSpec, report: Report, cancel: CancelToken) -> LoadedModel:
        """Load a model in place of the one that is loaded.

        Reports `LoadProgress`. When it fails with an `AppError`, or is stopped with `Cancelled`,
        the model that was loaded before is still, or again, ready.
        """
        ...

    def unload(self) -> None:
        """Free the model's memory; nothing happens if none is loaded."""
        ...

    def measure(self, turns: Sequence[Turn]) -> Measure:
        """Count what the turns take of the window. Raises `NoModelLoaded`."""
        ...

    def count(self, text: str) -> int:
        """Count the tokens of a bare text. Raises `NoModelLoaded`."""
        ...

    def reply(self, request: ReplyRequest, cancel: CancelToken) -> Iterator[ReplyEvent]:
        """Write a reply: events as they happen, a `Reply` as the last one.

        A cancelled reply ends with a `Reply` too (`FinishReason.CANCELLED`). Raises `NoModelLoaded`,
        `MessageTooLong`, `EngineFailed`.
        """
        ...

    def close(self) -> None:
        """Unload and let go of everything."""
        ...
