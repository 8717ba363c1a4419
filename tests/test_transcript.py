import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QGuiApplication, QImage, QRegion
from PySide6.QtWidgets import QApplication, QWidget
from ui_stand_ins import SAMPLE, message, talk

from app.core.conversation import MessageState
from app.core.generation import FinishReason, ReplyStats, Role
from app.ui.transcript import Transcript

WRITING = MessageState.WRITING


@pytest.fixture
def transcript(qtbot):
    window = QWidget()
    view = Transcript(window)
    window.resize(900, 600)
    view.setGeometry(0, 0, 900, 600)
    qtbot.addWidget(window)
    window.show()
    yield view
    for timer in (view._arrivals._timer, view._arrange_timer, view._grow_timer):
        timer.stop()


def view_of(transcript, id_):
    return transcript._views[id_]


def settle(qtbot, transcript):
    qtbot.waitUntil(
        lambda: not transcript._grow_timer.isActive() and not transcript._arrange_timer.isActive()
    )


def at_bottom(transcript):
    bar = transcript.verticalScrollBar()
    return bar.value() == bar.maximum()


def test_a_long_chat_opens_at_its_end_with_few_widgets(transcript):
    transcript.show_messages(talk(2000, 100))
    assert at_bottom(transcript)
    assert len(transcript._views) < 40
    assert 2000 in transcript._views


def test_scrolling_up_brings_earlier_messages_and_keeps_the_place(qtbot, transcript):
    transcript.show_messages(talk(200, 100))
    settle(qtbot, transcript)
    first = transcript._first
    transcript.verticalScrollBar().setValue(100)
    seen = view_of(transcript, transcript._messages[first].id)
    before = seen.y() - transcript.verticalScrollBar().value()
    qtbot.waitUntil(lambda: transcript._first < first)
    settle(qtbot, transcript)
    assert abs(seen.y() - transcript.verticalScrollBar().value() - before) <= 1


def test_streaming_redraws_only_the_message_being_written(qtbot, transcript):
    transcript.show_messages([*talk(3), message(4, state=WRITING)])
    documents = [(id_, view_of(transcript, id_)._text.document().revision()) for id_ in (1, 2, 3)]
    transcript.add_text(4, "Hello ")
    transcript.add_text(4, "**world**")
    with qtbot.waitSignal(transcript.settled):
        pass
    assert view_of(transcript, 4)._text.toPlainText().strip() == "Hello world"
    assert documents == [(id_, view_of(transcript, id_)._text.document().revision()) for id_ in (1, 2, 3)]


def test_it_follows_the_newest_text_at_the_bottom_only(qtbot, transcript):
    transcript.show_messages([*talk(9, 100), message(10, state=WRITING)])
    settle(qtbot, transcript)
    transcript.add_text(10, "line\n\n" * 30)
    with qtbot.waitSignal(transcript.settled):
        pass
    assert at_bottom(transcript)
    transcript.verticalScrollBar().setValue(transcript.verticalScrollBar().maximum() - 300)
    settle(qtbot, transcript)
    place = transcript.verticalScrollBar().value()
    transcript.add_text(10, "line\n\n" * 30)
    with qtbot.waitSignal(transcript.settled):
        pass
    assert transcript.verticalScrollBar().value() == place
    assert transcript._newest.isVisible()
    qtbot.mouseClick(transcript._newest, Qt.MouseButton.LeftButton)
    assert at_bottom(transcript)


def test_another_branch_keeps_the_widgets_of_its_common_beginning(transcript):
    messages = talk(4)
    transcript.show_messages(messages)
    kept = [view_of(transcript, id_) for id_ in (1, 2)]
    transcript.show_branch([*messages[:2], message(5, Role.USER, "other"), message(6, text="reply")])
    assert [view_of(transcript, id_) for id_ in (1, 2)] == kept
    assert set(transcript._views) == {1, 2, 5, 6}


def test_a_revealed_message_far_up_is_shown_and_focused(qtbot, transcript):
    transcript.show_messages(talk(500, 60))
    transcript.reveal(7)
    settle(qtbot, transcript)
    seen = view_of(transcript, 7)
    assert 0 <= seen.y() - transcript.verticalScrollBar().value() < 100
    assert seen.hasFocus()


def test_arrow_keys_walk_from_message_to_message(qtbot, transcript):
    transcript.show_messages(talk(4))
    transcript.focus_messages()
    qtbot.keyClick(view_of(transcript, 4), Qt.Key.Key_Up)
    assert view_of(transcript, 3).hasFocus()
    qtbot.keyClick(view_of(transcript, 3), Qt.Key.Key_J)
    assert view_of(transcript, 4).hasFocus()


def test_the_buttons_of_a_message_come_with_the_focus(qtbot, transcript):
    transcript.show_messages(talk(4))
    qtbot.mouseMove(transcript, QPoint(2, 598))
    first = view_of(transcript, 1)
    QApplication.sendEvent(first, QEvent(QEvent.Type.Leave))
    first.setAttribute(Qt.WidgetAttribute.WA_UnderMouse, False)
    first._leave_if_far()
    assert not first._buttons
    first.setFocus()
    assert [button.accessibleName() for button in first._buttons] == ["Copy", "Edit"]


def test_editing_wishes_for_the_new_text(qtbot, transcript):
    transcript.show_messages(talk(2))
    view = view_of(transcript, 1)
    view.do("edit")
    view._editor._field.setPlainText("better")
    with qtbot.waitSignal(transcript.edit_requested) as wish:
        qtbot.keyClick(view._editor._field, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert wish.args == [1, "better"]


def test_escape_leaves_the_edit_and_the_text(qtbot, transcript):
    transcript.show_messages(talk(2))
    view = view_of(transcript, 1)
    view.do("edit")
    qtbot.keyClick(view._editor._field, Qt.Key.Key_Escape)
    assert view._editor is None
    assert view._text.toPlainText() == view.message.text


def test_versions_are_reached_through_their_buttons(qtbot, transcript):
    transcript.show_messages(SAMPLE[:2])
    view = view_of(transcript, 2)
    assert [deed.words for deed in view.deeds()][:3] == ["Previous version", "2 / 3", "Next version"]
    with qtbot.waitSignal(transcript.sibling_requested) as wish:
        view.do("after")
    assert wish.args == [21]


@pytest.mark.parametrize(
    ("state", "finish", "possible"),
    [
        (MessageState.STOPPED, FinishReason.CANCELLED, True),
        (MessageState.DONE, FinishReason.LENGTH, True),
        (MessageState.DONE, FinishReason.STOP, False),
        (WRITING, None, False),
    ],
)
def test_only_a_reply_cut_short_can_go_on(transcript, state, finish, possible):
    transcript.show_messages([message(1, text="a", state=state, finish=finish)])
    names = {deed.name for deed in view_of(transcript, 1).deeds()}
    assert ("continue" in names) is possible


def test_a_failure_is_told_with_its_hint(transcript):
    transcript.show_messages(
        [message(1, state=MessageState.FAILED, failure="The engine broke.", hint="Try again.")]
    )
    assert "The engine broke. Try again." in view_of(transcript, 1).accessibleName()


def test_nothing_is_retried_or_edited_while_a_reply_is_written(transcript):
    transcript.show_messages(talk(2))
    transcript.show_replying(True)
    assert {deed.name for id_ in (1, 2) for deed in view_of(transcript, id_).deeds()} == {"copy"}


def test_copy_gives_the_markdown(qtbot, transcript):
    transcript.show_messages([message(1, text="a **b**")])
    view_of(transcript, 1).do("copy")
    assert QGuiApplication.clipboard().text() == "a **b**"


def test_the_line_where_the_view_begins_is_drawn_above_its_message(transcript):
    transcript.show_messages(talk(4))
    transcript.show_view_begins(3)
    assert [id_ for id_ in (1, 2, 3, 4) if view_of(transcript, id_)._divider] == [3]
    transcript.show_view_begins(None)
    assert not view_of(transcript, 3)._divider


def test_the_ring_of_the_focus_touches_no_word(qtbot, transcript):
    transcript.show_messages(talk(2))
    view = view_of(transcript, 2)
    settle(qtbot, transcript)
    ring = view.rect().adjusted(1, 1, -1, -9)
    assert ring.adjusted(8, 0, -8, 0).contains(view._text.geometry())
    assert view._text.geometry().bottom() < view._foot_top < ring.bottom()


def test_the_figures_never_lie_over_the_buttons(qtbot, transcript):
    stats = ReplyStats(31, 0, 213, 0.1, 20.0)
    reply = message(2, text="short", state=MessageState.STOPPED, stats=stats)
    transcript.show_messages([message(1, Role.USER, "Hi"), reply])
    view = view_of(transcript, 2)
    for width, has_figures in ((700, True), (300, True), (150, False)):
        view.resize(width, view.lay_out(width))
        last = max(button.geometry().right() for button in view._buttons)
        picture = QImage(view.size(), QImage.Format.Format_RGB32)
        picture.fill(Qt.GlobalColor.white)
        view.render(picture, QPoint(), QRegion(), QWidget.RenderFlag(0))  # without the buttons
        inked = {
            x
            for x in range(view.width())
            for y in range(view._foot_top, view._foot_top + 28)
            if picture.pixelColor(x, y) != Qt.GlobalColor.white
        }
        assert bool(inked) is has_figures
        assert not [x for x in inked if x <= last]


@pytest.mark.parametrize("text", ["", "  \n\n "])
def test_a_reply_without_a_word_says_so(transcript, text):
    transcript.show_messages([message(1, Role.USER, "Hi"), message(2, text=text)])
    assert "nothing to say" in view_of(transcript, 2).accessibleName()
    assert not view_of(transcript, 2)._state.isNull()
    assert view_of(transcript, 2)._text.isHidden()
