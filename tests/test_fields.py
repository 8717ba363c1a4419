import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QCheckBox, QComboBox, QSpinBox

from app.core.settings import SETTINGS, Settings
from app.ui import theme
from app.ui.chat_options_dialog import ChatOptionsDialog
from app.ui.fields import SIDE, Choice, Decimal, Number, Tick
from app.ui.setting_editors import editor_for
from app.ui.settings_dialog import SettingsDialog


def is_drawn(image, x, width, ground):
    """Whether anything stands out from the ground in a part of the picture."""
    return any(
        abs(image.pixelColor(column, row).lightness() - QColor(ground).lightness()) > 30
        for column in range(x, x + width)
        for row in range(4, image.height() - 4)
    )


@pytest.fixture(params=["light", "dark"])
def dress(request):
    shown = theme.Theme()
    shown.show(request.param, 100)
    yield theme.colors()
    shown.show("light", 100)


@pytest.mark.parametrize("kind", [Choice, Number, Decimal])
def test_a_field_shows_its_arrows_in_the_colors_of_the_theme(qtbot, dress, kind):
    field = kind()
    qtbot.addWidget(field)
    field.resize(170, 34)
    field.show()
    image = field.grab().toImage()
    assert is_drawn(image, 170 - SIDE, SIDE - 6, dress.card)
    assert not is_drawn(image, 60, 60, dress.card)  # the ground between number and arrows


def test_a_tick_box_shows_its_tick_and_a_ring_with_the_focus(qtbot, dress):
    box = Tick("Yes")
    qtbot.addWidget(box)
    box.show()
    qtbot.waitExposed(box)
    before = box.grab().toImage()
    box.setChecked(True)
    ticked = box.grab().toImage()
    assert ticked != before
    box.setFocus()
    qtbot.waitUntil(box.hasFocus)
    assert box.grab().toImage() != ticked
    assert box.grab().toImage().pixelColor(10, 1).name() == dress.accent


def test_a_wheel_turns_no_field(qtbot):
    for kind in (Choice, Number, Decimal):
        field = kind()
        qtbot.addWidget(field)
        if kind is Choice:
            field.addItems(["a", "b"])
        field.show()
        turn = QWheelEvent(
            QPointF(5, 5), QPointF(5, 5), QPoint(), QPoint(0, -120),
            Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(field, turn)
        assert (field.currentIndex() if kind is Choice else field.value()) == 0
        assert not turn.isAccepted()


@pytest.mark.parametrize("kind", [SettingsDialog, ChatOptionsDialog])
def test_the_dialogs_use_no_field_but_ours(qtbot, kind):
    dialog = kind()
    qtbot.addWidget(dialog)
    for raw in (QComboBox, QAbstractSpinBox, QCheckBox):
        for field in dialog.findChildren(raw):
            assert isinstance(field, (Choice, Number, Decimal, Tick))


@pytest.mark.parametrize(
    ("name", "words"),
    [("seed", "Another one each time"), ("max_tokens", "No limit"), ("threads", "Automatic")],
)
def test_a_least_value_that_is_no_amount_is_said_in_words(qtbot, name, words):
    setting = next(setting for setting in SETTINGS if setting.name == name)
    editor = editor_for(setting)
    qtbot.addWidget(editor)
    editor.show_value(setting.default)
    assert editor._box.text() == words
    assert editor.value() == setting.default


def test_enter_in_a_field_does_not_close_the_settings(qtbot):
    dialog = SettingsDialog()
    qtbot.addWidget(dialog)
    dialog.show_settings(Settings())
    dialog.show()
    qtbot.waitExposed(dialog)
    box = dialog.row("text_size").editor._box
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert dialog.isVisible()


@pytest.mark.parametrize("kind", [QComboBox, QSpinBox])
def test_the_fields_of_the_systems_dialogs_keep_their_arrows(qtbot, dress, kind):
    field = kind()
    qtbot.addWidget(field)
    field.resize(170, 34)
    field.show()
    assert is_drawn(field.grab().toImage(), 170 - SIDE, SIDE - 8, dress.card)
