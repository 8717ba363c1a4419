"""One message of the transcript."""

from __future__ import annotations

import time
from functools import partial

from PySide6.QtCore import QEvent, QPoint, QRect, Qt, QTimer, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QEnterEvent,
    QFocusEvent,
    QFontMetrics,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
)
from PySide6.QtWidgets import QMenu, QWidget

from app.core.conversation import Message, MessageState
from app.core.generation import Role
from app.ui import message_paint, message_words, theme
from app.ui.buttons import FlatButton
from app.ui.message_deeds import Deed, deeds_of
from app.ui.message_editor import MessageEditor
from app.ui.message_text import MessageText

MARGIN = 12  # at both sides of a message, inside its view: room for the ring of the focus
_ABOVE = 6  # the same above it
_PAD = 14  # inside the user's bubble
_SLOW = 0.15  # seconds: a reply that takes longer to draw is plain text while it is written
_MENU_KEYS = (Qt.Key.Key_Menu, Qt.Key.Key_F10)


class MessageView(QWidget):
    """Shows one message, and wishes what can be done with it.

    The view is as high as `lay_out` says; whoever holds it gives it that size.

    Signals:
        resized: its height may be another one now
        retry_requested, continue_requested: message id
        models_requested: the Models page is wanted
        edit_requested: message id, the new text
        sibling_requested: id of the sibling
        neighbor_requested: -1 for the message above, 1 for the one below
    """

    resized = Signal()
    retry_requested = Signal(int)
    continue_requested = Signal(int)
    models_requested = Signal()
    edit_requested = Signal(int, str)
    sibling_requested = Signal(int)
    neighbor_requested = Signal(int)

    def __init__(self, message: Message, parent: QWidget) -> None:
        super().__init__(parent)
        self.message = message
        self._is_last = False
        self._is_replying = False
        self._divider = ""
        self._progress = ""
        self._shown_text = ""
        self._seconds = 0.0  # that the last drawing of the text took
        self._buttons: list[FlatButton] = []
        self._editor: MessageEditor | None = None
        self._bubble = QRect()
        self._state = QRect()
        self._foot_top = 0
        self._text = MessageText(self)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._show_text()
        self._name_it()

    # -- what it shows

    def show_message(self, message: Message) -> None:
        """Show the message as it is now."""
        is_slow = self._seconds > _SLOW and self.message.state is not message.state
        is_rendered = message.text == self._shown_text and not is_slow
        before, self.message = self.message, message
        if not is_rendered:
            self._show_text()
        if before.state != message.state or before.siblings != message.siblings:
            self._drop_buttons()
            if self._is_near():
                self._make_buttons()
        if message.state is not MessageState.WRITING:
            self._progress = ""
        self._name_it()
        self._changed()

    def show_progress(self, words: str) -> None:
        """Show what is being done before the text comes; empty: nothing."""
        self._progress = words
        self._name_it()
        self._changed()

    def show_divider(self, words: str) -> None:
        """Draw a line with these words above the message; empty: no line."""
        if words != self._divider:
            self._divider = words
            self._changed()

    def show_place(self, is_last: bool, is_replying: bool) -> None:
        """Tell whether it is the last message, and whether a reply is being written."""
        if (is_last, is_replying) != (self._is_last, self._is_replying):
            self._is_last, self._is_replying = is_last, is_replying
            self._drop_buttons()
            if is_last:
                self._make_buttons()

    def render_again(self) -> None:
        """Draw the text anew, for another theme or text size."""
        self._show_text()
        self._changed()

    def _show_text(self) -> None:
        self._shown_text = self.message.text
        if self.message.role is Role.USER:
            self._text.show_plain(self.message.text)
        elif self.message.state is MessageState.WRITING and self._seconds > _SLOW:
            self._text.show_plain(self.message.text)  # its marks are drawn when it is done
        else:
            started = time.perf_counter()
            self._text.show_markdown(self.message.text)
            self._seconds = time.perf_counter() - started

    def _name_it(self) -> None:
        parts = [message_words.author(self.message), self._progress, message_words.state_line(self.message)]
        self.setAccessibleName(", ".join(filter(None, parts)))
        self.setAccessibleDescription(self.message.text[:2000])

    def _changed(self) -> None:
        self.update()
        self.resized.emit()

    # -- its place

    def lay_out(self, width: int) -> int:
        """Place everything for a width in pixels, the margins at both sides in it, and return the height."""
        inside, top = width - 2 * MARGIN, self._divider_height()
        if self._editor is not None:
            height = self._editor.sizeHint().height()
            self._editor.setGeometry(MARGIN, top, inside, height)
            return top + height + 12
        top = self._lay_out_text(inside, top + _ABOVE)
        state = self._progress or message_words.state_line(self.message)
        self._state = QRect()
        if state:
            small = QFontMetrics(theme.scaled_font(0.92))
            flags = int(Qt.TextFlag.TextWordWrap)
            wanted = small.boundingRect(QRect(0, 0, inside - 26, 10_000), flags, state).height()
            self._state = QRect(MARGIN + 26, top + 2, inside - 26, wanted)
            top += wanted + 8
        self._foot_top = top
        self._place_buttons(width)
        return top + self._foot_height() + 10

    def _divider_height(self) -> int:
        return (self.fontMetrics().height() + 30) if self._divider else 0

    def _foot_height(self) -> int:
        return max(30, self.fontMetrics().height() + 12)

    def _lay_out_text(self, inside: int, top: int) -> int:
        has_text = bool(self._shown_text.strip())
        self._text.setVisible(has_text)
        if self.message.role is not Role.USER:
            top += self.fontMetrics().height() + 8
            if not has_text:
                return top
            height = self._text.height_at(inside)
            self._text.setGeometry(MARGIN, top, inside, height)
            return top + height + 2
        most = round(inside * 0.86) - 2 * _PAD
        wide = min(most, self._text.natural_width()) if len(self._shown_text) < 2000 else most
        height = self._text.height_at(wide)
        self._bubble = QRect(MARGIN + inside - wide - 2 * _PAD, top, wide + 2 * _PAD, height + 2 * _PAD - 6)
        self._text.setGeometry(self._bubble.left() + _PAD, top + _PAD - 3, wide, height)
        return self._bubble.bottom() + 3

    def _place_buttons(self, width: int) -> None:
        sizes = [button.sizeHint() for button in self._buttons]
        taken = sum(size.width() for size in sizes)
        x = width - MARGIN - taken if self.message.role is Role.USER else MARGIN - 6
        for button, size in zip(self._buttons, sizes, strict=True):
            button.setGeometry(x, self._foot_top, size.width(), size.height())
            x += size.width()

    # -- painting

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw what is not the text: the bubble, the names, the states."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        top = self._divider_height()
        if self.hasFocus():
            message_paint.paint_focus(painter, self.rect().adjusted(1, top - 3 if top else 1, -1, -9))
        if self._divider:
            message_paint.paint_divider(painter, self.width(), self._divider)
        if self._editor is None:
            self._paint_around(painter, top)
        painter.end()

    def _paint_around(self, painter: QPainter, top: int) -> None:
        inside = self.width() - 2 * MARGIN
        if self.message.role is Role.USER:
            message_paint.paint_bubble(painter, self._bubble)
        else:
            name = QRect(MARGIN, top + _ABOVE, inside, self.fontMetrics().height() + 2)
            message_paint.paint_name(painter, name, message_words.author(self.message))
        if not self._state.isNull():
            message_paint.paint_state(painter, self._state, self.message, self._progress)
        if self._buttons or self._is_last:
            taken = max([button.geometry().right() for button in self._buttons], default=MARGIN)
            foot = QRect(taken, self._foot_top, self.width() - MARGIN - taken, self._foot_height())
            message_paint.paint_figures(painter, foot, self.message)

    # -- what can be done with it

    def deeds(self) -> list[Deed]:
        """Return what can be done with the message now, in the order shown."""
        return deeds_of(self.message, self._is_last, self._is_replying)

    def do(self, name: str) -> None:
        """Do a deed by its name; one that is not possible now does nothing."""
        if name not in {deed.name for deed in self.deeds()}:
            return
        message = self.message
        if name == "copy":
            self.copy()
        elif name == "edit":
            self.begin_edit()
        elif name == "retry":
            self.retry_requested.emit(message.id)
        elif name == "continue":
            self.continue_requested.emit(message.id)
        elif name == "models":
            self.models_requested.emit()
        elif name == "before" and message.sibling_before is not None:
            self.sibling_requested.emit(message.sibling_before)
        elif name == "after" and message.sibling_after is not None:
            self.sibling_requested.emit(message.sibling_after)

    def copy(self) -> None:
        """Copy what is selected in it, or else its source."""
        cursor = self._text.textCursor()
        if cursor.hasSelection():
            self._text.copy()
            return
        QGuiApplication.clipboard().setText(self.message.text)
        for button in self._buttons:
            if button.property("deed") == "copy":
                button.set_icon("check")
                QTimer.singleShot(1200, button, lambda button=button: button.set_icon("copy"))

    def begin_edit(self) -> None:
        """Put a field with the text in the message's place."""
        if self._editor is not None:
            return
        self._drop_buttons()
        self._text.hide()
        self._editor = MessageEditor(self.message.text, self)
        self._editor.accepted.connect(self._on_edit_accepted)
        self._editor.dismissed.connect(self.end_edit)
        self._editor.resized.connect(self.resized)
        self._editor.show()
        self._changed()
        self._editor.take_focus()

    def end_edit(self) -> None:
        """Show the message again instead of the field."""
        if self._editor is None:
            return
        self._editor.hide()
        self._editor.deleteLater()
        self._editor = None
        self.setFocus()
        self._changed()

    def _on_edit_accepted(self, text: str) -> None:
        self.end_edit()
        self.edit_requested.emit(self.message.id, text)

    # -- buttons, made when someone comes near

    def _make_buttons(self) -> None:
        if self._buttons or self._editor is not None:
            return
        for deed in self.deeds():
            is_loud = deed.name in ("continue", "retry") and self.message.state is MessageState.FAILED
            has_words = not deed.icon or is_loud or deed.name in ("continue", "models")
            button = FlatButton(deed.words if has_words else "", deed.icon, name=deed.words, parent=self)
            button.setFont(theme.scaled_font(0.88))
            button.setProperty("deed", deed.name)
            if deed.name:
                button.clicked.connect(lambda _checked=False, name=deed.name: self.do(name))
            else:
                button.setEnabled(False)
            self._buttons.append(button)
        self._place_buttons(self.width())
        for button in list(self._buttons):
            button.show()  # only now: under the mouse it lets Qt send another enter event
        self.update()

    def _drop_buttons(self) -> None:
        for button in self._buttons:
            button.hide()
            button.deleteLater()
        self._buttons = []

    def _is_near(self) -> bool:
        focused = QGuiApplication.focusObject()
        has_focus = isinstance(focused, QWidget) and (focused is self or self.isAncestorOf(focused))
        return self._is_last or has_focus or self.underMouse()

    # -- events

    def enterEvent(self, event: QEnterEvent) -> None:
        """Offer the buttons to the mouse."""
        self._make_buttons()

    def leaveEvent(self, event: QEvent) -> None:
        """Take the buttons away again."""
        if not self._is_near():
            self._drop_buttons()
            self.update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Offer the buttons to the keyboard."""
        self._make_buttons()
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take the buttons away once the focus is elsewhere, but not before it has arrived there."""
        super().focusOutEvent(event)
        QTimer.singleShot(0, self, self._leave_if_far)

    def _leave_if_far(self) -> None:
        if not self._is_near():
            self._drop_buttons()
            self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk to the neighbors, open the menu, do the common deeds."""
        key = event.key()
        if event.key() in _MENU_KEYS:
            self._show_menu(self.mapToGlobal(self.rect().center()))
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_K) and not event.modifiers():
            self.neighbor_requested.emit(-1)
        elif key in (Qt.Key.Key_Down, Qt.Key.Key_J) and not event.modifiers():
            self.neighbor_requested.emit(1)
        elif event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer everything that can be done."""
        self._show_menu(event.globalPos())

    def menu(self) -> QMenu:
        """Return a menu of everything that can be done; whoever opens it deletes it."""
        menu = QMenu(self)
        if self._text.textCursor().hasSelection():
            menu.addAction(self.tr("Copy the selection"), self._text.copy)
        for deed in self.deeds():
            if deed.name:
                menu.addAction(deed.words).triggered.connect(partial(self._on_menu, deed.name))
        return menu

    def _on_menu(self, deed: str, _checked: bool = False) -> None:
        self.do(deed)

    def _show_menu(self, where: QPoint) -> None:
        menu = self.menu()
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(where)
