"""A disk without room, as SQLite itself meets it: told, nothing lost, and work goes on once there is room."""

from app.controllers.notices import SAVING
from app.core.conversation import MessageState
from app.core.notices import NoticeKind

LONG = "once" * 30_000  # one word: the scripted model counts words, and it has room for this one


def fill(store):
    """Let the file grow no more."""
    pages = store._database.value("PRAGMA page_count")
    store._database.value(f"PRAGMA max_page_count = {pages}")


def make_room(store):
    store._database.value("PRAGMA max_page_count = 1000000")


def test_a_message_that_finds_no_room_stays_in_the_composer(qtbot, desk):
    desk.say(qtbot, "Hello")
    fill(desk.store)
    desk.chat.send(LONG)
    assert desk.all_heard("draft_changed")[-1] == [LONG]
    told = desk.told[-1]
    assert told.kind is NoticeKind.ERROR
    assert "full" in told.sentence
    assert told.hint
    assert len(desk.branch()) == 2
    make_room(desk.store)
    assert desk.say(qtbot, LONG).state is MessageState.DONE
    assert desk.branch()[-2].text == LONG


def test_a_reply_that_finds_no_room_stays_on_the_screen_and_is_saved_later(qtbot, desk):
    desk.say(qtbot, "Hello")
    desk.backend.pieces = (LONG,)
    with qtbot.waitSignal(desk.replies.ended, timeout=10_000) as ended:
        desk.chat.send("Tell me a story")
        fill(desk.store)
    assert ended.args[0].text == LONG
    assert [n.topic for n in desk.told if n.kind is NoticeKind.ERROR] == [SAVING]
    assert desk.branch()[-1].text != LONG
    with qtbot.waitSignal(desk.notices.withdrawn, timeout=10_000):
        make_room(desk.store)
    assert desk.branch()[-1].text == LONG
    assert desk.store._database.value("PRAGMA integrity_check") == "ok"


def test_a_draft_that_finds_no_room_is_told_and_kept_with_the_next_change(qtbot, desk):
    desk.say(qtbot, "Hello")
    fill(desk.store)
    desk.chat.edit_draft(LONG)
    assert desk.told[-1].topic == SAVING
    make_room(desk.store)
    desk.chat.edit_draft(LONG + "!")
    assert desk.store.conversation(desk.chat.conversation_id).draft == LONG + "!"
