"""llama.cpp behind the `Backend` protocol, in the thread that calls."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Generator, Iterator, Sequence

from app.core.errors import AppError, Cancelled, EngineFailed, MessageTooLong, ModelTooLarge, NoModelLoaded
from app.core.generation import (
    FinishReason,
    LoadedModel,
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
from app.engine import memory
from app.engine.failures import check_file
from app.engine.header import check_header
from app.engine.loading import open_session
from app.engine.native import StopFlag, start
from app.engine.sampler import Sampler
from app.engine.session import Session, Stopped, WindowFull
from app.engine.text import ReplyText

log = logging.getLogger(__name__)


class LlamaBackend:
    """At most one model, run by llama.cpp. Use it from one thread only."""

    def __init__(self) -> None:
        self._session: Session | None = None
        self._model: LoadedModel | None = None

    @property
    def model(self) -> LoadedModel | None:
        """The loaded model; the only attribute other threads may read."""
        return self._model

    def load(self, spec: LoadSpec, report: Report, cancel: CancelToken) -> LoadedModel:
        """Load a model in place of the one that is loaded; if that fails, the old one is still ready."""
        cancel.check()
        check_file(spec.path)
        start()
        check_header(spec.path)
        old, free = self._session, memory.free_bytes()
        if old is None or _size(spec) <= free:
            if spec.needed_bytes > free:
                raise ModelTooLarge(_name(spec), spec.needed_bytes, free)
            try:
                model = self._open(spec, report, cancel)
            except ModelTooLarge as error:
                # The plan did not know it, and the old model may be what is in the way.
                if old is None or error.needed > error.free + old.private_bytes:
                    raise
            else:
                if old is not None:
                    old.close()
                return model
        assert old is not None
        if spec.needed_bytes > free + old.private_bytes:
            raise ModelTooLarge(_name(spec), spec.needed_bytes, free + old.private_bytes)
        return self._exchange(old.spec, spec, report, cancel)

    def _exchange(self, old: LoadSpec, new: LoadSpec, report: Report, cancel: CancelToken) -> LoadedModel:
        """Free the old model first, as both have no room, and take it back if the new one fails."""
        self.unload()
        try:
            return self._open(new, report, cancel)
        except (AppError, Cancelled):
            try:
                # It fitted before; whatever is free now, it was the user's choice.
                self._open(old, lambda _progress: None, CancelToken(), checks_memory=False)
            except AppError:
                log.exception("the model before could not be loaded again")
            raise

    def _open(
        self, spec: LoadSpec, report: Report, cancel: CancelToken, checks_memory: bool = True
    ) -> LoadedModel:
        began = time.perf_counter()
        session = open_session(spec, report, cancel, checks_memory)
        self._session, self._model = session, session.describe(time.perf_counter() - began)
        return self._model

    def unload(self) -> None:
        """Free the model's memory; nothing happens if none is loaded."""
        session, self._session, self._model = self._session, None, None
        if session is not None:
            session.close()

    close = unload

    def measure(self, turns: Sequence[Turn]) -> Measure:
        """Count what the turns take of the window. Raises `NoModelLoaded`."""
        session = self._need()
        tokens = len(session.prompts.make(turns).tokens)
        view = _view(session, ReplyRequest(tuple(turns)))
        return Measure(tokens, session.n_ctx, view.first_visible)

    def count(self, text: str) -> int:
        """Count the tokens of a bare text. Raises `NoModelLoaded`."""
        return len(self._need().vocabulary.tokenize(text, parse_special=False))

    def reply(self, request: ReplyRequest, cancel: CancelToken) -> Iterator[ReplyEvent]:
        """Write a reply: events as they happen, a `Reply` as the last one."""
        session = self._need()
        view = _view(session, request)
        if not view.fits:
            reserve = reserve_for_reply(session.n_ctx, request.options.max_tokens)
            raise MessageTooLong(view.tokens + reserve, session.n_ctx)
        yield ViewBegins(None if view.is_whole else request.turns[view.first_visible].message or None)
        with contextlib.closing(_Writing(session, request, view, cancel)) as writing:
            yield from writing.events()

    def _need(self) -> Session:
        if self._session is None:
            raise NoModelLoaded
        return self._session


class _Writing:
    """One reply from its prompt to its end."""

    def __init__(self, session: Session, request: ReplyRequest, view: View, cancel: CancelToken) -> None:
        self._session = session
        self._prompt, stops = session.prompts.make(view.turns, request.prefill)
        self._options = request.options
        self._text = ReplyText((*request.options.stop, *stops))
        self._flag = StopFlag(cancel)
        self._sampler = Sampler(request.options, session.vocabulary.size)
        self._parts: list[str] = []
        self._cached = 0
        self._written = 0
        self._began = time.perf_counter()
        self._prompt_read: float | None = None

    def events(self) -> Iterator[ReplyEvent]:
        """Yield what happens, a `Reply` last."""
        self._session.obey(self._flag)
        try:
            yield from self._read_prompt()
            finish = yield from self._write()
        except Stopped:
            finish = FinishReason.CANCELLED
        except WindowFull:
            finish = FinishReason.LENGTH
        yield from self._arrived(self._text.finish())
        yield Reply("".join(self._parts), finish, self._stats())

    def _read_prompt(self) -> Iterator[PromptRead]:
        session, total = self._session, len(self._prompt)
        self._cached = session.reuse(self._prompt)
        yield PromptRead(self._cached, total)
        if self._flag.is_raised:
            raise Stopped
        for done in session.read(self._prompt, self._cached):
            yield PromptRead(done, total)
        self._prompt_read = time.perf_counter()
        if not session.has_scores:
            raise EngineFailed("This model reads text and does not write any.")

    def _write(self) -> Generator[TextArrived, None, FinishReason]:
        session, vocabulary, flag = self._session, self._session.vocabulary, self._flag
        choose, feed, text = self._sampler.choose, self._text.feed, self._text
        most = self._options.max_tokens
        while True:
            if flag.is_raised:
                raise Stopped
            if self._written == most:
                return FinishReason.LENGTH
            token = choose(session.context)
            if vocabulary.ends_turn(token):
                return FinishReason.STOP
            self._written += 1
            yield from self._arrived(feed(vocabulary.piece(token)))
            if text.is_stopped:
                return FinishReason.STOP
            if session.is_full:
                return FinishReason.LENGTH
            session.append(token)

    def _arrived(self, text: str) -> Iterator[TextArrived]:
        if text:
            self._parts.append(text)
            yield TextArrived(text)

    def _stats(self) -> ReplyStats:
        now = time.perf_counter()
        read = self._prompt_read or now
        return ReplyStats(len(self._prompt), self._cached, self._written, read - self._began, now - read)

    def close(self) -> None:
        """Let go of what the reply needed; the KV cache stays for the next one."""
        self._flag.let_go()
        self._sampler.close()


def _view(session: Session, request: ReplyRequest) -> View:
    def count(turns: Sequence[Turn]) -> int:
        return len(session.prompts.make(turns, request.prefill).tokens)

    reserve = reserve_for_reply(session.n_ctx, request.options.max_tokens)
    stride = session.n_ctx  # bytes: about a quarter of the window, at four bytes to a token
    return fit(request.turns, count, session.n_ctx, reserve, stride)


def _name(spec: LoadSpec) -> str:
    return spec.name or spec.path.stem


def _size(spec: LoadSpec) -> int:
    return spec.needed_bytes or spec.path.stat().st_size
