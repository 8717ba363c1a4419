import datetime
import time

import pytest
from PySide6.QtCore import Qt
from ui_stand_ins import CHATS, HITS, line

from app.core.conversation import ConversationLine
from app.ui.chat_list_model import ChatListModel, Heading, group_of
from app.ui.sidebar import Sidebar


@pytest.fixture
def sidebar(qtbot):
    view = Sidebar()
    qtbot.addWidget(view)
    view.resize(260, 700)
    view.show()
    yield view
    view._timer.stop()


def titles(sidebar):
    return [getattr(entry, "title", None) or entry.words for entry in sidebar.chats._lines.entries]


@pytest.mark.parametrize(
    ("days", "is_pinned", "group"),
    [
        (0, False, "Today"),
        (1, False, "Yesterday"),
        (2, False, "Previous 7 days"),
        (7, False, "Previous 7 days"),
        (30, True, "Pinned"),
        (40, False, "January 2026"),
    ],
)
def test_chats_stand_under_their_day(days, is_pinned, group):
    noon = datetime.datetime(2026, 3, 1, 12).astimezone()
    chat = ConversationLine(1, "a", noon - datetime.timedelta(days=days), is_pinned)
    assert group_of(chat, noon.date()) == group


def test_headings_stand_above_their_chats(sidebar):
    sidebar.show_chats(CHATS[:3])
    assert titles(sidebar) == [
        "Pinned",
        "Thesis notes",
        "Today",
        "Trip to Bern",
        "Regex for dates in log files",
    ]
    assert isinstance(sidebar.chats._lines.entries[0], Heading)


def test_five_thousand_chats_are_shown_at_once(sidebar):
    lines = [line(i, f"Chat {i}", i / 20) for i in range(5000)]
    started = time.process_time()
    sidebar.show_chats(lines)
    sidebar.grab()
    assert time.process_time() - started < 0.3


def test_enter_opens_delete_trashes_and_f2_renames(qtbot, sidebar):
    sidebar.show_chats(CHATS)
    sidebar.show_opened(3)
    with qtbot.waitSignal(sidebar.chats.open_requested) as wish:
        qtbot.keyClick(sidebar.chats, Qt.Key.Key_Return)
    assert wish.args == [3, None]
    with qtbot.waitSignal(sidebar.chats.trash_requested) as wish:
        qtbot.keyClick(sidebar.chats, Qt.Key.Key_Delete)
    assert wish.args == [3]
    qtbot.keyClick(sidebar.chats, Qt.Key.Key_F2)
    editor = sidebar.chats.findChild(type(sidebar.search).__mro__[1], "")
    editor.setText("Better name")
    with qtbot.waitSignal(sidebar.chats.rename_requested) as wish:
        qtbot.keyClick(editor, Qt.Key.Key_Return)
    assert wish.args == [3, "Better name"]


def test_the_list_anew_keeps_the_line_the_keyboard_is_at(sidebar):
    sidebar.show_chats(CHATS)
    sidebar.show_opened(4)
    sidebar.show_chats([line(99, "Newer"), *CHATS])
    assert sidebar.chats.current_line().id == 4


def test_a_search_is_wished_for_after_a_pause(qtbot, sidebar):
    with qtbot.waitSignal(sidebar.search_requested) as wish:
        qtbot.keyClicks(sidebar.search, "Bern")
    assert wish.args == ["Bern"]


def test_hits_open_at_their_message(qtbot, sidebar):
    sidebar.search.setText("Bern")
    sidebar.show_hits("Bern", HITS)
    qtbot.keyClick(sidebar.search, Qt.Key.Key_Down)
    qtbot.keyClick(sidebar.chats, Qt.Key.Key_Down)
    with qtbot.waitSignal(sidebar.chats.open_requested) as wish:
        qtbot.keyClick(sidebar.chats, Qt.Key.Key_Return)
    assert wish.args == [4, 9]


def test_hits_of_an_older_search_are_left_out(sidebar):
    sidebar.show_chats(CHATS)
    sidebar.search.setText("Bernese")
    sidebar.show_hits("Bern", HITS)
    assert "Thesis notes" in titles(sidebar)


def test_escape_ends_the_search(qtbot, sidebar):
    sidebar.show_chats(CHATS)
    sidebar.search.setText("Bern")
    sidebar.show_hits("Bern", HITS)
    with qtbot.waitSignal(sidebar.search_requested) as wish:
        qtbot.keyClick(sidebar.search, Qt.Key.Key_Escape)
    assert wish.args == [""]
    assert "Thesis notes" in titles(sidebar)


def test_found_words_are_marked(sidebar):
    sidebar.search.setText("Bern")
    sidebar.show_hits("Bern", [])
    assert sidebar._nothing.isVisible()
    sidebar.show_hits("Bern", HITS)
    from app.ui.theme import colors

    image = sidebar.chats.grab().toImage()
    inks = {image.pixelColor(x, y).name() for x in range(0, 200, 2) for y in range(0, 100, 2)}
    assert colors().mark in inks


def test_many_chats_of_a_month_stand_under_one_heading():
    now = datetime.datetime.now(datetime.UTC)
    lines = [
        ConversationLine(n, f"Chat {n}", now - datetime.timedelta(hours=7 * n), is_pinned=n < 2)
        for n in range(600)
    ]
    model = ChatListModel()
    model.show_chats(lines)
    today = datetime.datetime.now().astimezone().date()
    wanted = []
    for chat in lines:
        name = group_of(chat, today)
        if Heading(name) not in wanted:
            wanted.append(Heading(name))
        wanted.append(chat)
    assert model.entries == wanted


@pytest.mark.parametrize("key", [Qt.Key.Key_Down, Qt.Key.Key_Return])
def test_a_key_right_after_typing_acts_on_what_was_typed(qtbot, sidebar, key):
    sidebar.show_chats(CHATS)
    asked = []
    sidebar.search_requested.connect(asked.append)
    sidebar.search.setText("Bern")
    qtbot.keyClick(sidebar.search, key)
    assert asked == ["Bern"]


def test_with_the_keyboard_the_list_shows_where_it_is(qtbot, sidebar):
    sidebar.show_chats(CHATS[:3])
    sidebar.show_opened(None)
    assert sidebar.chats.current_line() is None
    sidebar.search.setFocus()
    sidebar.chats.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.waitUntil(sidebar.chats.hasFocus)
    assert sidebar.chats.current_line() == sidebar.chats._lines.entries[1]  # below the heading
