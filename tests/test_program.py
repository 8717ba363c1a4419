"""The rooms as the program connects them, with its real window and a scripted model."""

import os
import signal
import threading

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QMessageBox
from small_models import reciter

from app.bootstrap import Program, open_window
from app.core.conversation import MessageState
from app.core.errors import DiskFull
from app.core.generation import SamplingOptions
from app.engine.fake import FakeBackend
from app.farewell import Farewell
from app.storage.lock import DataLock
from app.storage.store import Store
from app.system import paths

REPLY = "It was a dark and stormy night."


@pytest.fixture
def places(tmp_path):
    places = paths.places({"FIRESIDE_HOME": str(tmp_path)})
    paths.prepare(places)
    reciter(places.models / "scripted.gguf")
    return places


@pytest.fixture
def program(qtbot, places):
    program = Program(places, FakeBackend())
    qtbot.addWidget(program.window)
    with qtbot.waitSignal(program.models.load_ended, timeout=10_000):
        program.show()
    yield program
    program.close()


def say(qtbot, program, text):
    with qtbot.waitSignal(program.replies.ended, timeout=10_000):
        qtbot.keyClicks(program.window.chat_page.composer.field, text)
        qtbot.keyClick(program.window.chat_page.composer.field, "\r")


def test_what_is_typed_is_answered_shown_and_kept(qtbot, program):
    say(qtbot, program, "Hello")
    assert REPLY in program.window.chat_page.transcript.as_markdown()
    (line,) = program.store.conversations()
    assert [m.text for m in program.store.branch(line.id)] == ["Hello", REPLY]


def test_everything_stands_again_after_a_restart(qtbot, places):
    first = Program(places, FakeBackend())
    with qtbot.waitSignal(first.models.load_ended, timeout=10_000):
        first.show()
    say(qtbot, first, "Hello")
    qtbot.keyClicks(first.window.chat_page.composer.field, "half a thought")
    first.window.resize(700, 600)
    first.close()
    second = Program(places, FakeBackend())
    with qtbot.waitSignal(second.models.load_ended, timeout=10_000):
        second.show()
    assert REPLY in second.window.chat_page.transcript.as_markdown()
    assert second.window.chat_page.composer.field.toPlainText() == "half a thought"
    assert second.window.width() == 700
    second.close()


def test_closing_in_the_middle_of_a_reply_keeps_it(qtbot, places):
    backend = FakeBackend()
    program = Program(places, backend)
    with qtbot.waitSignal(program.models.load_ended, timeout=10_000):
        program.show()
    backend.gate, backend.gate_at, backend.delay = threading.Event(), 4, 0.05
    program.chat.send("Hello")
    reply = program.store.branch(program.chat.conversation_id)[-1]
    qtbot.waitUntil(lambda: program.replies.newest(reply).text == "It was a dark ", timeout=10_000)
    program.close()
    store = Store.open(places.database)
    assert store.message(reply.id).text == "It was a dark "
    assert store.message(reply.id).state is MessageState.STOPPED
    store.close()


def test_settings_that_cannot_be_used_are_told_in_the_window(qtbot, places):
    places.settings_file.write_text("[sampling]\ntemperature = 'hot'\n")
    program = Program(places, FakeBackend())
    qtbot.addWidget(program.window)
    told = []
    program.notices.posted.connect(told.append)
    program.show()
    assert "temperature must be a number" in told[0].sentence
    assert any("kept as" in notice.sentence for notice in told)
    program.close()


def test_a_damaged_database_is_told_with_both_places(qtbot, places):
    store = Store.open(places.database)
    chat = store.new_conversation()
    store.add_exchange(chat.id, "Hello", parent=None, model="m", options=SamplingOptions())
    store.close()
    places.database.write_bytes(b"\0" * 100 + places.database.read_bytes()[100:])
    program = Program(places, FakeBackend())
    qtbot.addWidget(program.window)
    told = []
    program.notices.posted.connect(told.append)
    program.show()
    words = f"{told[0].sentence} {told[0].hint}"
    assert "2 messages" in words
    assert str(places.database) in words
    assert str(program.store.opening.damage.set_aside) in words
    assert program.store.opening.damage.set_aside.exists()
    program.close()


def test_damage_found_in_the_background_is_told_and_mended_at_the_next_start(qtbot, places, program):
    told = []
    program.notices.posted.connect(told.append)
    with qtbot.waitSignal(program.files.finished, timeout=10_000):
        program._check = program.files.submit(lambda report, cancel: "page 3 is wrong")
    assert "cannot be read" in told[-1].sentence
    assert "again" in told[-1].hint


@pytest.mark.parametrize(("answer", "is_open"), [("Stay", True), ("Quit and lose it", False)])
def test_the_window_asks_before_a_reply_is_lost(qtbot, program, monkeypatch, answer, is_open):
    def full(*_, **__):
        raise DiskFull("/somewhere")

    end_reply = program.store.end_reply
    monkeypatch.setattr(program.store, "end_reply", full)
    say(qtbot, program, "Hello")

    def press():
        box = next(b for b in program.window.findChildren(QMessageBox) if b.isVisible())
        next(b for b in box.buttons() if b.text() == answer).click()

    QTimer.singleShot(200, press)
    assert program.window.close() is not is_open
    assert program.window.isVisible() is is_open
    monkeypatch.setattr(program.store, "end_reply", end_reply)


def test_the_systems_wish_to_end_is_heard_by_an_idle_program(qtbot):
    farewell = Farewell()
    with qtbot.waitSignal(farewell.asked, timeout=5000):
        os.kill(os.getpid(), signal.SIGTERM)
    farewell.close()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_second_window_on_the_same_data_says_when_the_first_does_not_answer(
    qtbot, places, monkeypatch, capsys
):
    monkeypatch.setenv("FIRESIDE_HOME", str(places.data.parent))
    monkeypatch.setattr("app.second_start.PATIENCE", 0.1)
    monkeypatch.setattr("app.second_start.ring", lambda data: False)
    monkeypatch.setattr(QMessageBox, "critical", lambda *_: None)
    lock = DataLock.take(places.lock_file)
    assert open_window([]) == 1
    lock.release()
    assert "already running" in capsys.readouterr().err
