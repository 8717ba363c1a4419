"""A backend that follows a script: for tests and for trying the window without a model."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from app.core.errors import AppError, MessageTooLong, ModelMissing, NoModelLoaded
from app.core.generation import (
    FinishReason,
    LoadedModel,
    LoadProgress,
    LoadSpec,
    Measure,
    PromptRead,
    Reply,
    ReplyEvent,
    ReplyRequest,
    ReplyStats,
    TextArrived,
    Turn,
    ViewBegins,
)
from app.core.jobs import CancelToken, Report
from app.core.window import View, fit, reserve_for_reply

_LOOK_EVERY = 0.005  # seconds, at the cancel token while it waits
_LOAD_STEPS = 10
_OVERHEAD = 3  # tokens of a chat format around each turn
SCRIPT = ("It ", "was ", "a ", "dark ", "and ", "stormy ", "night.")


class Gate(Protocol):
    """What a reply can be held at; `threading.Event` is one."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is open, up to `timeout` seconds; return whether it is."""
        ...


class FakeBackend:
    """Replies with a script and counts words as tokens. Change its attributes at any time.

    Attributes:
        pieces: what every reply is made of
        delay: seconds before each piece, each step of a load and of reading the prompt
        gate: replies wait here before the piece number `gate_at`, counted from 0
        load_gate: loads wait here in the middle
        reply_error: raised by replies before the piece number `reply_error_at`, once
        load_error: raised by loads in the middle, once
        missing: paths whose load fails with `ModelMissing`
        requests: the requests of all replies so far
        loads: the specs of all loads so far
    """

    def __init__(self, pieces: Sequence[str] = SCRIPT, delay: float = 0.0, n_ctx: int = 2048) -> None:
        """`n_ctx`: the longest window it gives, in tokens."""
        self.pieces = tuple(pieces)
        self.delay = delay
        self.n_ctx = n_ctx
        self.gate: Gate | None = None
        self.gate_at = 0
        self.load_gate: Gate | None = None
        self.reply_error: Exception | None = None
        self.reply_error_at = 0
        self.load_error: AppError | None = None
        self.missing: set[Path] = set()
        self.requests: list[ReplyRequest] = []
        self.loads: list[LoadSpec] = []
        self._model: LoadedModel | None = None

    @property
    def model(self) -> LoadedModel | None:
        """The loaded model."""
        return self._model

    def load(self, spec: LoadSpec, report: Report, cancel: CancelToken) -> LoadedModel:
        """Pretend to load; the file need not exist."""
        self.loads.append(spec)
        began = time.perf_counter()
        for step in range(_LOAD_STEPS):
            cancel.check()
            report(LoadProgress(step / _LOAD_STEPS))
            if step == _LOAD_STEPS // 2:
                self._wait(self.load_gate, cancel)
                cancel.check()
                error, self.load_error = self.load_error, None
                if error is not None:
                    raise error
                if spec.path in self.missing:
                    raise ModelMissing(spec.path)
            self._pause(cancel)
        cancel.check()
        report(LoadProgress(1.0))
        n_ctx = min(spec.n_ctx, self.n_ctx) if spec.n_ctx > 0 else self.n_ctx
        seconds = time.perf_counter() - began
        self._model = LoadedModel(
            spec.path, spec.name or spec.path.stem, n_ctx, self.n_ctx, 1000, seconds, has_template=True
        )
        return self._model

    def unload(self) -> None:
        """Have no model."""
        self._model = None

    close = unload

    def measure(self, turns: Sequence[Turn]) -> Measure:
        """Count words. Raises `NoModelLoaded`."""
        view = self._view(turns, 0, None)
        return Measure(_tokens(turns), self._need().n_ctx, view.first_visible)

    def count(self, text: str) -> int:
        """Count words. Raises `NoModelLoaded`."""
        self._need()
        return len(text.split())

    def reply(self, request: ReplyRequest, cancel: CancelToken) -> Iterator[ReplyEvent]:
        """Write the script, as far as the options, the token, the gate and the planned error let it."""
        model = self._need()
        self.requests.append(request)
        options, prefilled = request.options, self.count(request.prefill)
        view = self._view(request.turns, prefilled, options.max_tokens)
        if not view.fits:
            reserve = reserve_for_reply(model.n_ctx, options.max_tokens)
            raise MessageTooLong(view.tokens + reserve, model.n_ctx)
        yield ViewBegins(None if view.is_whole else request.turns[view.first_visible].message or None)
        began = time.perf_counter()
        yield PromptRead(0, view.tokens)
        self._pause(cancel)
        if not cancel.is_cancelled:
            yield PromptRead(view.tokens, view.tokens)
        read = time.perf_counter()
        room = model.n_ctx - view.tokens
        most = room if options.max_tokens is None else min(options.max_tokens, room)
        written: list[str] = []
        finish = FinishReason.STOP
        for number, piece in enumerate(self.pieces):
            self._pause(cancel)
            if number == self.gate_at:
                self._wait(self.gate, cancel)
            if cancel.is_cancelled:
                finish = FinishReason.CANCELLED
                break
            if number >= most:
                finish = FinishReason.LENGTH
                break
            if self.reply_error is not None and number == self.reply_error_at:
                error, self.reply_error = self.reply_error, None
                raise error
            written.append(piece)
            yield TextArrived(piece)
        now = time.perf_counter()
        stats = ReplyStats(view.tokens, 0, len(written), read - began, now - read)
        yield Reply("".join(written), finish, stats)

    def _need(self) -> LoadedModel:
        if self._model is None:
            raise NoModelLoaded
        return self._model

    def _view(self, turns: Sequence[Turn], prefilled: int, max_tokens: int | None) -> View:
        n_ctx = self._need().n_ctx
        return fit(turns, lambda some: _tokens(some) + prefilled, n_ctx, reserve_for_reply(n_ctx, max_tokens))

    def _wait(self, gate: Gate | None, cancel: CancelToken) -> None:
        while gate is not None and not cancel.is_cancelled and not gate.wait(_LOOK_EVERY):
            pass

    def _pause(self, cancel: CancelToken) -> None:
        until = time.perf_counter() + self.delay
        while not cancel.is_cancelled and (left := until - time.perf_counter()) > 0:
            time.sleep(min(left, _LOOK_EVERY))


def _tokens(turns: Sequence[Turn]) -> int:
    return sum(len(turn.text.split()) + _OVERHEAD for turn in turns)
