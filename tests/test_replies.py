import threading

from app.controllers.notices import SAVING
from app.core.conversation import MessageState
from app.core.errors import DiskFull
from app.core.notices import NoticeAction, NoticeKind

REPLY = "It was a dark and stormy night."


class FullDisk:
    """Stands before a store's method and refuses while `is_full`."""

    def __init__(self, store, monkeypatch, *names):
        self.is_full = True
        for name in names:
            monkeypatch.setattr(store, name, self._guarded(getattr(store, name), store))

    def _guarded(self, method, store):
        def call(*arguments, **named):
            if self.is_full:
                raise DiskFull("/somewhere")
            return method(*arguments, **named)

        return call


def test_a_long_reply_is_saved_while_it_is_written(qtbot, desk):
    desk.backend.gate, desk.backend.gate_at, desk.backend.delay = threading.Event(), 4, 0.05
    desk.chat.send("Hello")
    reply = desk.branch()[-1].id
    qtbot.waitUntil(lambda: desk.store.message(reply).text == "It was a dark ", timeout=5000)
    assert desk.store.message(reply).state is MessageState.WRITING


def test_a_reply_the_disk_has_no_room_for_stays_and_is_saved_once_there_is(qtbot, desk, monkeypatch):
    disk = FullDisk(desk.store, monkeypatch, "save_reply", "end_reply")
    ended = desk.say(qtbot, "Hello")
    assert ended.text == REPLY  # on the screen, though not on the disk
    assert desk.replies.is_unsaved
    assert desk.branch()[-1].text == ""
    (notice,) = [n for n in desk.told if n.kind is NoticeKind.ERROR]
    assert (notice.action, notice.topic) == (NoticeAction.RETRY_SAVE, SAVING)
    with qtbot.waitSignal(desk.notices.withdrawn, timeout=5000):
        disk.is_full = False
    assert not desk.replies.is_unsaved
    assert (desk.branch()[-1].text, desk.branch()[-1].state) == (REPLY, MessageState.DONE)


def test_what_is_not_saved_yet_is_still_shown_when_its_chat_is_opened_again(qtbot, desk, monkeypatch):
    disk = FullDisk(desk.store, monkeypatch, "end_reply")
    desk.say(qtbot, "Hello")
    chat = desk.chat.conversation_id
    desk.chat.new_chat()
    desk.chat.open(chat)
    shown = desk.all_heard("opened")[-1][1][-1]
    assert (shown.text, shown.state) == (REPLY, MessageState.DONE)
    disk.is_full = False
    desk.notices.act(NoticeAction.RETRY_SAVE)
    assert desk.branch()[-1].text == REPLY


def test_the_user_is_told_once_not_at_every_try(qtbot, desk, monkeypatch):
    disk = FullDisk(desk.store, monkeypatch, "end_reply")
    desk.say(qtbot, "Hello")
    for _ in range(3):
        desk.replies.save()
    assert len([n for n in desk.told if n.topic == SAVING]) == 1
    disk.is_full = False


def test_nothing_wakes_up_when_nothing_is_written(qtbot, desk):
    desk.say(qtbot, "Hello")
    assert not desk.replies._timer.isActive()


def test_a_second_reply_says_that_it_waits_for_the_first(qtbot, desk):
    desk.backend.gate = threading.Event()
    desk.chat.send("One")
    desk.chat.new_chat()
    desk.chat.send("Two")
    assert any("another chat" in words for _, words in desk.all_heard("progress_changed"))
    with qtbot.waitSignals([desk.replies.ended, desk.replies.ended], timeout=5000):
        desk.backend.gate.set()
    assert desk.branch()[-1].text == REPLY
