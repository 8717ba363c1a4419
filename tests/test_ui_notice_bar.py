import pytest
from PySide6.QtCore import Qt

from app.core.notices import Notice, NoticeAction, NoticeKind
from app.ui.notice_bar import NoticeBar


@pytest.fixture
def bar(qtbot):
    made = NoticeBar()
    qtbot.addWidget(made)
    made.resize(600, 100)
    yield made
    for line in made._lines:
        line._timer.stop()


def test_a_new_notice_takes_the_place_of_one_with_its_topic(bar):
    bar.show_notice(Notice(NoticeKind.ERROR, "One.", topic="disk"))
    bar.show_notice(Notice(NoticeKind.ERROR, "Two.", topic="disk"))
    assert [notice.sentence for notice in bar.notices] == ["Two."]
    bar.withdraw("disk")
    assert bar.isHidden()


def test_the_same_notice_is_never_there_twice(bar):
    for _ in range(3):
        bar.show_notice(Notice(NoticeKind.ERROR, "No model.", "Add one."))
    assert [notice.sentence for notice in bar.notices] == ["No model."]


def test_news_goes_by_itself_and_errors_stay(bar):
    bar.show_notice(Notice(NoticeKind.NEWS, "News."))
    bar.show_notice(Notice(NoticeKind.ERROR, "Error."))
    assert [line._timer.isActive() for line in bar._lines] == [True, False]
    bar._lines[0]._timer.timeout.emit()
    assert [notice.sentence for notice in bar.notices] == ["Error."]


def test_news_stays_while_it_is_read(qtbot, bar):
    bar.show_notice(Notice(NoticeKind.NEWS, "News.", "", NoticeAction.UNDO_TRASH, "Undo"))
    bar._lines[0].setAttribute(Qt.WidgetAttribute.WA_UnderMouse)
    bar._lines[0]._timer.timeout.emit()
    assert len(bar.notices) == 1


def test_the_button_acts_and_closes(qtbot, bar):
    bar.show_notice(Notice(NoticeKind.NEWS, "Gone.", "", NoticeAction.UNDO_TRASH, "Undo"))
    with qtbot.waitSignal(bar.acted) as acted:
        assert bar.act_on(NoticeAction.UNDO_TRASH)
    assert acted.args == [NoticeAction.UNDO_TRASH]
    assert not bar.notices
    assert not bar.act_on(NoticeAction.UNDO_TRASH)
