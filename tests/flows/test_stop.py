"""Stop during load, during the reading of a long prompt and during writing, with a real model."""

import time

import pytest
from desk import Desk
from PySide6.QtCore import QTimer
from small_models import babbler

from app.core.conversation import MessageState
from app.core.settings import Settings
from app.engine.deferred import DeferredBackend

FROZEN = 1.0  # seconds; far above what a busy machine does to a timer, far below what these waits would be


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A models folder with one model that takes some 10 ms a token."""
    folder = tmp_path_factory.mktemp("models")
    babbler(folder / "slow.gguf", layers=6, embedding=768)
    return folder


@pytest.fixture
def desk(qapp, store, folder):
    settings = Settings().with_value("threads", 1).with_value("max_tokens", 400)
    desk = Desk(store, folder, DeferredBackend(), is_loaded=False, settings=settings)
    yield desk
    desk.close()


@pytest.fixture
def pulse(qapp):
    """The longest time the main thread did not answer."""

    class Pulse:
        longest, last = 0.0, time.monotonic()

        def beat(self):
            now = time.monotonic()
            self.longest, self.last = max(self.longest, now - self.last), now

    pulse = Pulse()
    timer = QTimer(interval=10)
    timer.timeout.connect(pulse.beat)
    timer.start()
    yield pulse
    timer.stop()


def listed(qtbot, desk):
    with qtbot.waitSignal(desk.models.listed, timeout=10_000):
        desk.models.refresh()


def stop(qtbot, desk):
    with qtbot.waitSignal(desk.replies.ended, timeout=10_000) as ended:
        desk.chat.stop()
        assert not desk.chat.is_replying
    return ended.args[0]


def is_reading(desk):
    return any("Reading" in words for _, words in desk.all_heard("progress_changed"))


def works(qtbot, desk):
    with qtbot.waitSignal(desk.chat.text_arrived, timeout=60_000):
        desk.chat.send("And now?")
    message = stop(qtbot, desk)
    assert message.text
    assert message.state is MessageState.STOPPED


def test_stop_during_the_load(qtbot, desk, pulse):
    listed(qtbot, desk)
    desk.chat.send("Hello")
    with qtbot.waitSignal(desk.models.load_ended, timeout=10_000):
        message = stop(qtbot, desk)
    assert (message.text, message.state) == ("", MessageState.STOPPED)
    assert desk.models.model is None
    works(qtbot, desk)
    assert pulse.longest < FROZEN


def test_stop_while_a_long_prompt_is_read(qtbot, desk, pulse):
    listed(qtbot, desk)
    works(qtbot, desk)  # the model is loaded
    desk.heard.clear()
    desk.chat.send("What is this? " + "lorem ipsum dolor sit amet " * 80)
    qtbot.waitUntil(
        lambda: any("Reading" in w for _, w in desk.all_heard("progress_changed")), timeout=30_000
    )
    message = stop(qtbot, desk)
    assert (message.text, message.state) == ("", MessageState.STOPPED)
    assert desk.branch()[-2].text.startswith("What is this?")
    works(qtbot, desk)
    assert pulse.longest < FROZEN


def test_stop_while_writing_keeps_the_text_and_the_reply_can_go_on(qtbot, desk, pulse):
    listed(qtbot, desk)
    desk.chat.send("Hello")
    qtbot.waitUntil(lambda: len("".join(t for _, t in desk.all_heard("text_arrived"))) > 60, timeout=60_000)
    message = stop(qtbot, desk)
    shown = "".join(text for _, text in desk.all_heard("text_arrived"))
    assert message.text == shown == desk.branch()[-1].text
    with qtbot.waitSignal(desk.replies.ended, timeout=60_000) as ended:
        desk.chat.continue_reply(message.id)
        qtbot.waitUntil(lambda: desk.replies.newest(message).text != shown, timeout=60_000)
        desk.chat.stop()
    again = ended.args[0]
    assert again.text.startswith(shown)
    assert again.stats.cached_tokens >= message.stats.prompt_tokens - 1  # the question was not read again
    assert pulse.longest < FROZEN
