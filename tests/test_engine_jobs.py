from pathlib import Path

import pytest

from app.core.errors import EngineFailed
from app.core.generation import (
    LoadedModel,
    LoadProgress,
    LoadSpec,
    Measure,
    PromptRead,
    Reply,
    ReplyRequest,
    Role,
    TextArrived,
    Turn,
    ViewBegins,
)
from app.core.jobs import CancelToken
from app.engine import jobs
from app.engine.fake import FakeBackend

SPEC = LoadSpec(Path("fake.gguf"))
REQUEST = ReplyRequest((Turn(Role.USER, "hello"),))


def run(job, told=None):
    return job([].append if told is None else told.append, CancelToken())


@pytest.fixture
def backend():
    made = FakeBackend([f"{n} " for n in range(500)])
    run(jobs.load_job(made, SPEC))
    return made


def test_loading_measuring_and_unloading_are_jobs():
    backend, told = FakeBackend(), []
    assert isinstance(run(jobs.load_job(backend, SPEC), told), LoadedModel)
    assert isinstance(told[0], LoadProgress)
    assert isinstance(run(jobs.measure_job(backend, REQUEST.turns)), Measure)
    assert run(jobs.unload_job(backend)) is None
    assert backend.model is None


def test_texts_are_reported_in_portions_and_none_is_lost(backend):
    told = []
    reply = run(jobs.reply_job(backend, REQUEST), told)
    texts = [event.text for event in told if isinstance(event, TextArrived)]
    assert isinstance(reply, Reply)
    assert "".join(texts) == reply.text
    assert len(texts) < 100


def test_the_first_text_is_reported_at_once(backend):
    told = []
    run(jobs.reply_job(backend, REQUEST), told)
    assert next(event.text for event in told if isinstance(event, TextArrived)) == "0 "


def test_a_failure_comes_after_all_the_text_before_it(backend):
    backend.reply_error, backend.reply_error_at = EngineFailed("It broke."), 50
    told = []
    with pytest.raises(EngineFailed):
        run(jobs.reply_job(backend, REQUEST), told)
    texts = [event.text for event in told if isinstance(event, TextArrived)]
    assert "".join(texts) == "".join(f"{n} " for n in range(50))


def test_other_events_are_passed_on_and_the_reply_is_only_returned(backend):
    told = []
    run(jobs.reply_job(backend, REQUEST), told)
    assert told[0] == ViewBegins(None)
    assert isinstance(told[1], PromptRead)
    assert not any(isinstance(event, Reply) for event in told)
