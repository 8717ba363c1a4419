import threading
from pathlib import Path

import pytest

from app.core.errors import Cancelled, EngineFailed, MessageTooLong, ModelMissing, NoModelLoaded
from app.core.generation import (
    FinishReason,
    LoadProgress,
    LoadSpec,
    ReplyRequest,
    Role,
    SamplingOptions,
    TextArrived,
    Turn,
    ViewBegins,
)
from app.core.jobs import CancelToken
from app.engine.backend import Backend
from app.engine.fake import SCRIPT, FakeBackend

SPEC = LoadSpec(Path("/nowhere/fake.gguf"))


def loaded(**settings):
    backend = FakeBackend(**settings)
    backend.load(SPEC, lambda _: None, CancelToken())
    return backend


def ask(text="hello", **options):
    return ReplyRequest((Turn(Role.USER, text, 1),), SamplingOptions(**options))


def test_it_is_a_backend():
    backend: Backend = FakeBackend()
    assert backend.model is None


def test_it_replies_with_its_script():
    *events, last = loaded().reply(ask(), CancelToken())
    assert last.text == "".join(SCRIPT)
    assert [e.text for e in events if isinstance(e, TextArrived)] == list(SCRIPT)
    assert last.finish is FinishReason.STOP


def test_a_gate_holds_the_reply_at_a_piece():
    backend, gate, cancel = loaded(), threading.Event(), CancelToken()
    backend.gate, backend.gate_at = gate, 2
    told = []
    writer = threading.Thread(target=lambda: told.extend(backend.reply(ask(), cancel)))
    writer.start()
    writer.join(0.05)
    assert writer.is_alive()
    gate.set()
    writer.join(5)
    assert told[-1].text == "".join(SCRIPT)


def test_a_held_reply_can_be_stopped():
    backend, cancel = loaded(), CancelToken()
    backend.delay, backend.gate = 60.0, threading.Event()
    events = backend.reply(ask(), cancel)
    next(events)
    cancel.cancel()
    assert list(events)[-1].finish is FinishReason.CANCELLED


def test_a_planned_error_comes_after_the_text_before_it_and_once():
    backend = loaded()
    backend.reply_error, backend.reply_error_at = EngineFailed("It broke."), 2
    events, told = backend.reply(ask(), CancelToken()), []
    with pytest.raises(EngineFailed, match="It broke"):
        told.extend(iter(lambda: next(events), None))
    assert [e.text for e in told if isinstance(e, TextArrived)] == list(SCRIPT[:2])
    assert list(backend.reply(ask(), CancelToken()))[-1].finish is FinishReason.STOP


def test_a_failed_or_stopped_load_keeps_the_model():
    backend = loaded()
    before = backend.model
    backend.load_error = EngineFailed("No.")
    with pytest.raises(EngineFailed):
        backend.load(LoadSpec(Path("b.gguf")), lambda _: None, CancelToken())
    backend.missing.add(Path("c.gguf"))
    with pytest.raises(ModelMissing):
        backend.load(LoadSpec(Path("c.gguf")), lambda _: None, CancelToken())
    cancel = CancelToken()
    with pytest.raises(Cancelled):
        backend.load(LoadSpec(Path("d.gguf")), lambda _: cancel.cancel(), cancel)
    assert backend.model is before


def test_loading_tells_its_progress():
    told = []
    FakeBackend().load(SPEC, told.append, CancelToken())
    assert told[0] == LoadProgress(0.0)
    assert told[-1] == LoadProgress(1.0)


def test_words_are_counted_as_tokens():
    backend = loaded()
    assert backend.count("one two  three") == 3
    measured = backend.measure([Turn(Role.USER, "one two")])
    assert (measured.tokens, measured.n_ctx) == (5, 2048)


def test_what_does_not_fit_is_left_out_and_told_or_refused():
    backend = loaded(n_ctx=40)
    turns = [Turn(Role.ASSISTANT if n % 2 else Role.USER, "a b c d e f g", n + 1) for n in range(7)]
    events = list(backend.reply(ReplyRequest(tuple(turns)), CancelToken()))
    assert events[0] == ViewBegins(5)
    with pytest.raises(MessageTooLong):
        list(backend.reply(ask("word " * 50), CancelToken()))


def test_the_longest_reply_is_kept_to():
    assert list(loaded().reply(ask(max_tokens=3), CancelToken()))[-1].finish is FinishReason.LENGTH


def test_without_a_model_everything_says_so():
    backend = FakeBackend()
    for act in (
        lambda: backend.count("x"),
        lambda: backend.measure([]),
        lambda: list(backend.reply(ask(), None)),
    ):
        with pytest.raises(NoModelLoaded):
            act()
