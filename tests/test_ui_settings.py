import pytest
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QApplication
from ui_stand_ins import House

from app.core.settings import SETTINGS, Settings
from app.ui import theme
from app.ui.setting_editors import editor_for
from app.ui.settings_dialog import SettingsDialog


@pytest.fixture
def dialog(qtbot):
    made = SettingsDialog()
    qtbot.addWidget(made)
    made.show_settings(Settings())
    return made


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: s.name)
def test_every_setting_has_an_editor_that_shows_its_bounds(qtbot, setting):
    editor = editor_for(setting)
    qtbot.addWidget(editor)
    values = [setting.default, *(value for value, _ in setting.choices)]
    if not isinstance(setting.default, (bool, str)):
        values += [type(setting.default)(bound) for bound in (setting.least, setting.most)]
    for value in values:
        with qtbot.assertNotEmitted(editor.edited):
            editor.show_value(value)
        assert editor.value() == value
        assert type(editor.value()) is type(setting.default)


def test_a_change_holds_at_once(qtbot, dialog):
    with qtbot.waitSignal(dialog.change_requested) as wish:
        dialog.row("top_k").editor._box.setValue(7)
    assert wish.args == ["top_k", 7]


def test_a_refused_value_says_why_and_shows_the_one_that_holds(dialog):
    dialog.row("threads").editor._box.setValue(9)
    dialog.show_refusal("threads", "threads must be smaller.")
    assert dialog.row("threads").editor.value() == 0
    assert dialog.row("threads")._refusal.text() == "threads must be smaller."
    assert not dialog.row("threads")._refusal.isHidden()


def test_a_value_goes_back_to_its_default(qtbot, dialog):
    dialog.show_settings(Settings({"top_k": 7}))
    row = dialog.row("top_k")
    assert not row._reset.isHidden()
    with qtbot.waitSignal(dialog.reset_requested) as wish:
        row._reset.click()
    assert wish.args == ["top_k"]
    dialog.show_settings(Settings())
    assert row._reset.isHidden()


def test_the_theme_and_the_text_size_change_while_the_window_is_open(qtbot):
    house = House(theme="light")
    qtbot.addWidget(house.window)
    size = QApplication.font().pointSizeF()
    house.settings.changed.emit(Settings({"theme": "dark", "text_size": 150}))
    assert theme.is_dark()
    assert theme.colors() is theme.DARK
    assert QApplication.font().pointSizeF() == pytest.approx(size * 1.5)
    house.settings.changed.emit(Settings({"theme": "light"}))
    assert QApplication.palette().color(QPalette.ColorRole.Window).name() == theme.LIGHT.window


def test_another_text_size_alone_reaches_what_is_on_the_screen(qtbot):
    house = House(theme="light")
    qtbot.addWidget(house.window)
    house.window.show()
    parts = (house.window.sidebar.search, house.window.chat_page.composer.field, house.window.header._label)
    before = [part.font().pointSizeF() for part in parts]
    house.settings.changed.emit(Settings({"theme": "light", "text_size": 300}))
    assert [part.font().pointSizeF() for part in parts] == pytest.approx([size * 3 for size in before])
    house.settings.changed.emit(Settings({"theme": "light"}))
    assert [part.font().pointSizeF() for part in parts] == pytest.approx(before)


def test_the_names_of_the_pages_keep_their_room_at_any_text_size(qtbot):
    house = House(theme="light")
    qtbot.addWidget(house.window)
    house.window.show()
    house.window.wiring._show_settings()
    dialog = house.window.wiring._settings_dialog
    house.settings.changed.emit(Settings({"theme": "light", "text_size": 300}))
    names = dialog._names
    for row in range(names.count()):
        item = names.item(row)
        assert names.fontMetrics().horizontalAdvance(item.text()) + 36 <= names.width()
        assert names.fontMetrics().height() <= item.sizeHint().height()
    house.settings.changed.emit(Settings({"theme": "light"}))
    assert names.width() < 300
