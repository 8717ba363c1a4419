"""What a lane is given to do with a backend: each returns a function of `report` and `cancel`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from app.core.errors import EngineFailed
from app.core.generation import LoadSpec, Reply, ReplyRequest, TextArrived, Turn
from app.core.jobs import CancelToken, Job, Report
from app.engine.backend import Backend

REPORT_EVERY = 0.04  # seconds; faster than this the eye gains nothing and the window pays


def load_job(backend: Backend, spec: LoadSpec) -> Job:
    """Return the job of loading a model: reports `LoadProgress`, returns the `LoadedModel`."""
    return lambda report, cancel: backend.load(spec, report, cancel)


def unload_job(backend: Backend) -> Job:
    """Return the job of freeing the model: returns None."""
    return lambda _report, _cancel: backend.unload()


def measure_job(backend: Backend, turns: Sequence[Turn]) -> Job:
    """Return the job of measuring a conversation: returns a `Measure`."""
    return lambda _report, _cancel: backend.measure(turns)


def reply_job(backend: Backend, request: ReplyRequest) -> Job:
    """Return the job of writing a reply.

    It reports `ViewBegins`, `PromptRead` and `TextArrived`, the texts at most every 40 ms, and returns the
    `Reply`. Whatever ends it, the text so far has been reported before.
    """

    def job(report: Report, cancel: CancelToken) -> Reply:
        texts = _Texts(report)
        try:
            for event in backend.reply(request, cancel):
                if isinstance(event, TextArrived):
                    texts.add(event.text)
                elif isinstance(event, Reply):
                    model = backend.model  # now: another may be loaded when the reply is heard of
                    return replace(event, model=model.name if model is not None else "")
                else:
                    texts.flush()
                    report(event)
        finally:
            texts.flush()
        raise EngineFailed("The engine ended without finishing the reply.")

    return job


class _Texts:
    """Text on its way to the window, in portions."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._waiting: list[str] = []
        self._next = 0.0

    def add(self, text: str) -> None:
        self._waiting.append(text)
        if time.monotonic() >= self._next:
            self.flush()

    def flush(self) -> None:
        if self._waiting:
            text, self._waiting = "".join(self._waiting), []
            self._report(TextArrived(text))
            self._next = time.monotonic() + REPORT_EVERY
