import time

import pytest
from PySide6.QtCore import QMimeData, Qt
from PySide6.QtGui import QInputMethodEvent
from PySide6.QtWidgets import QApplication

from app.core.generation import Usage
from app.ui.composer import Composer

ENTER = Qt.Key.Key_Return
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def composer(qtbot):
    view = Composer()
    qtbot.addWidget(view)
    view.resize(800, 300)
    view.show()
    yield view
    view._timer.stop()


def test_the_count_is_never_cut_and_the_hint_makes_room_for_it(qtbot, composer):
    label = composer.meter._label
    full = Usage(9216, 8192, True)
    for width, has_hint in ((900, True), (300, False)):
        composer.resize(width, 300)
        composer.show_usage(Usage(926, 8192, True))
        assert composer._hint.isVisible() is has_hint
        qtbot.waitUntil(lambda: label.width() == label.sizeHint().width())
        composer.show_usage(full)
        qtbot.waitUntil(lambda: label.width() == label.sizeHint().width())
        assert "9\u202f216" in label.text()
        assert "leave" in composer.meter.toolTip()


def test_a_text_that_alone_is_too_long_is_called_that(composer):
    composer.show_usage(Usage(9216, 8192, True, is_too_long=True))
    assert "too long" in composer.meter.toolTip()
    assert "older" not in composer.meter.toolTip()


@pytest.fixture
def sent(composer):
    texts = []
    composer.send_requested.connect(texts.append)
    return texts


def test_enter_sends_and_clears(qtbot, composer, sent):
    qtbot.keyClicks(composer.field, "hello")
    qtbot.keyClick(composer.field, ENTER)
    assert sent == ["hello"]
    assert composer.text == ""


@pytest.mark.parametrize(("key", "modifier"), [("enter", SHIFT), ("enter", CONTROL), ("ctrl_enter", SHIFT)])
def test_the_other_combination_breaks_the_line(qtbot, composer, sent, key, modifier):
    composer.show_send_key(key)
    qtbot.keyClicks(composer.field, "a")
    qtbot.keyClick(composer.field, ENTER, modifier)
    assert composer.text == "a\n"
    assert not sent


def test_control_enter_sends_where_the_setting_says_so(qtbot, composer, sent):
    composer.show_send_key("ctrl_enter")
    qtbot.keyClicks(composer.field, "a")
    qtbot.keyClick(composer.field, ENTER)
    assert composer.text == "a\n"
    qtbot.keyClick(composer.field, ENTER, CONTROL)
    assert sent == ["a\n"]


def test_enter_never_sends_while_an_input_method_composes(qtbot, composer, sent):
    qtbot.keyClicks(composer.field, "a")
    QApplication.sendEvent(composer.field, QInputMethodEvent("nihao", []))
    qtbot.keyClick(composer.field, ENTER)
    assert not sent
    done = QInputMethodEvent("", [])
    done.setCommitString("你好")
    QApplication.sendEvent(composer.field, done)
    qtbot.keyClick(composer.field, ENTER)
    assert len(sent) == 1
    assert "你好" in sent[0]


def test_blank_text_is_not_sent(qtbot, composer, sent):
    qtbot.keyClicks(composer.field, "  ")
    qtbot.keyClick(composer.field, ENTER)
    assert not sent


def test_stop_takes_the_place_of_send(qtbot, composer, sent):
    composer.show_replying(True)
    qtbot.keyClicks(composer.field, "next")
    qtbot.keyClick(composer.field, ENTER)
    assert not sent
    assert composer.text == "next"
    with qtbot.waitSignal(composer.stop_requested):
        qtbot.mouseClick(composer._button, Qt.MouseButton.LeftButton)


def test_the_draft_is_told_after_a_pause_and_once(qtbot, composer):
    with qtbot.waitSignal(composer.draft_edited) as told:
        qtbot.keyClicks(composer.field, "draft")
    assert told.args == ["draft"]
    with qtbot.assertNotEmitted(composer.draft_edited):
        composer.flush()


def test_the_draft_is_told_before_the_composer_is_hidden(qtbot, composer):
    qtbot.keyClicks(composer.field, "draft")
    with qtbot.waitSignal(composer.draft_edited):
        composer.hide()


def test_a_draft_that_is_shown_is_not_told_back(qtbot, composer):
    composer.show_draft("from the store")
    assert composer.text == "from the store"
    with qtbot.assertNotEmitted(composer.draft_edited):
        composer.flush()


def test_it_grows_with_the_text_to_a_third_of_the_window(qtbot, composer):
    low = composer.field.height()
    composer.field.setPlainText("a\nb\nc")
    assert composer.field.height() > low
    composer.field.setPlainText("a\n" * 200)
    assert composer.field.height() <= max(
        composer.height() // 3, 4 * composer.field.fontMetrics().lineSpacing()
    )


def test_up_in_an_empty_field_edits_the_last_message(qtbot, composer):
    with qtbot.waitSignal(composer.edit_last_requested):
        qtbot.keyClick(composer.field, Qt.Key.Key_Up)
    qtbot.keyClicks(composer.field, "a")
    with qtbot.assertNotEmitted(composer.edit_last_requested):
        qtbot.keyClick(composer.field, Qt.Key.Key_Up)


def test_what_is_pasted_loses_its_looks(composer):
    data = QMimeData()
    data.setHtml("<b>bold</b>")
    data.setText("bold")
    composer.field.insertFromMimeData(data)
    assert composer.text == "bold"


@pytest.mark.parametrize("text", ["word " * 60_000, "a" * 100_000], ids=["words", "one line"])
def test_a_very_large_paste_stays_responsive(composer, text):
    data = QMimeData()
    data.setText(text)
    started = time.process_time()
    composer.field.insertFromMimeData(data)
    assert time.process_time() - started < 2
    assert composer.text == text


@pytest.mark.parametrize(
    ("usage", "words"),
    [
        (Usage(3120, 8192, True), "3\u202f120 / 8\u202f192 tokens"),
        (Usage(312, 8192, False), "≈ 312 / 8\u202f192 tokens"),
        (Usage(12, 0, False), "≈ 12 tokens"),
    ],
)
def test_the_meter_tells_how_full_the_window_is(composer, usage, words):
    composer.show_usage(usage)
    assert composer.meter.words == words


def test_the_meter_says_in_words_that_it_is_too_much(composer):
    composer.show_usage(Usage(9000, 8192, True))
    assert "older messages leave the model's view" in composer.meter.words


def test_a_paste_leaves_out_null_bytes_and_looks(composer):
    data = QMimeData()
    data.setText("null\0byte\x1b[1m <b>bold</b>\n\tend")
    data.setHtml("<b>other</b>")
    composer.field.insertFromMimeData(data)
    assert composer.text == "nullbyte[1m <b>bold</b>\n\tend"


def test_the_ring_stands_beside_its_count_where_there_is_no_hint(qtbot, composer):
    composer.resize(300, 300)
    composer.show_usage(Usage(926, 8192, True))
    meter = composer.meter
    qtbot.waitUntil(lambda: meter.width() == meter.sizeHint().width())
