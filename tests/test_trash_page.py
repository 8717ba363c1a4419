import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMessageBox, QPushButton
from ui_stand_ins import line

from app.ui.trash_page import TrashPage


@pytest.fixture
def page(qtbot):
    shown = TrashPage()
    qtbot.addWidget(shown)
    shown.show_chats([line(1, "One"), line(2, "Two")])
    shown.show()
    shown.view.setFocus()
    return shown


def question(page):
    return page.findChild(QMessageBox)


def press(box, words):
    QTest.mouseClick(
        next(b for b in box.findChildren(QPushButton) if words in b.text()), Qt.MouseButton.LeftButton
    )


def test_the_chat_that_has_the_keyboard_is_chosen(qtbot, page):
    assert page._restore_button.isEnabled()
    with qtbot.waitSignal(page.restore_requested) as wish:
        QTest.keyClick(page.view, Qt.Key.Key_Return)
    assert wish.args == [1]


def test_delete_asks_first_and_enter_then_deletes_nothing(qtbot, page):
    with qtbot.assertNotEmitted(page.purge_requested):
        QTest.keyClick(page.view, Qt.Key.Key_Delete)
        assert "One" in question(page).text()
        QTest.keyClick(question(page), Qt.Key.Key_Return)


def test_what_is_confirmed_is_deleted_forever(qtbot, page):
    page.view.setCurrentRow(1)
    QTest.keyClick(page.view, Qt.Key.Key_Delete)
    with qtbot.waitSignal(page.purge_requested) as wish:
        press(question(page), "Delete forever")
    assert wish.args == [2]


def test_emptying_asks_first(qtbot, page):
    with qtbot.assertNotEmitted(page.empty_requested):
        page._empty_button.click()
    with qtbot.waitSignal(page.empty_requested):
        press(question(page), "Empty the trash")


def test_an_empty_trash_offers_nothing(page):
    page.show_chats([])
    assert not page._restore_button.isEnabled()
    assert not page._empty_button.isEnabled()
