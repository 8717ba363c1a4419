"""One message of the transcript."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QEvent, QPoint, QRect, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QEnterEvent,
    QFocusEvent,
    QFontMetrics,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QMenu, QWidget

from app.core.conversation import Message, MessageState
from app.core.generation import Role
from app.ui import message_words, theme
from app.ui.buttons import FlatButton
from app.ui.message_editor import MessageEditor
from app.ui.message_text import MessageText

_PAD = 14  # inside the user's bubble
_SLOW = 0.15  # seconds: a reply that takes longer to draw is plain text while it is written
_MENU_KEYS = (Qt.Key.Key_Menu, Qt.Key.Key_F10)


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that can be done with a message."""

    name: str
    words: str
    icon: str


class MessageView(QWidget):
    """Shows one message, and wishes what can be done with it.

    The view is as high as `lay_out` says; whoever holds it gives it that size.

    Signals:
        resized: its height may be another one now
        retry_requested, continue_requested: message id
        edit_requested: message id, the new text
        sibling_requested: id of the sibling
        neighbor_requested: -1 for the message above, 1 for the one below
    """

    resized = Signal()
    retry_requested = Signal(int)
    continue_requested = Signal(int)
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
        """Place everything for a width in pixels and return the height."""
        line = self.fontMetrics().height()
        top = (line + 30) if self._divider else 0
        if self._editor is not None:
            height = self._editor.sizeHint().height()
            self._editor.setGeometry(0, top, width, height)
            return top + height + 12
        top = self._lay_out_text(width, top, line)
        state = self._progress or message_words.state_line(self.message)
        self._state = QRect()
        if state:
            small = QFontMetrics(theme.scaled_font(0.92))
            flags = int(Qt.TextFlag.TextWordWrap)
            wanted = small.boundingRect(QRect(0, 0, width - 26, 10_000), flags, state).height()
            self._state = QRect(26, top + 2, width - 26, wanted)
            top += wanted + 8
        self._foot_top = top
        self._place_buttons(width)
        return top + line + 26

    def _lay_out_text(self, width: int, top: int, line: int) -> int:
        self._text.setVisible(bool(self._shown_text))
        if self.message.role is not Role.USER:
            top += line + 8
            if not self._shown_text:
                return top
            height = self._text.height_at(width)
            self._text.setGeometry(0, top, width, height)
            return top + height + 2
        most = round(width * 0.86) - 2 * _PAD
        wide = min(most, self._text.natural_width()) if len(self._shown_text) < 2000 else most
        height = self._text.height_at(wide)
        self._bubble = QRect(width - wide - 2 * _PAD, top, wide + 2 * _PAD, height + 2 * _PAD - 6)
        self._text.setGeometry(self._bubble.left() + _PAD, top + _PAD - 3, wide, height)
        return self._bubble.bottom() + 3

    def _place_buttons(self, width: int) -> None:
        sizes = [button.sizeHint() for button in self._buttons]
        x = width - sum(size.width() for size in sizes) if self.message.role is Role.USER else -6
        for button, size in zip(self._buttons, sizes, strict=True):
            button.setGeometry(x, self._foot_top, size.width(), size.height())
            x += size.width()

    # -- painting

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw what is not the text: the bubble, the names, the states."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        c = theme.colors()
        if self.hasFocus():
            painter.setPen(QPen(QColor(c.accent), 1.5))
            top = self._divider and self.fontMetrics().height() + 26
            painter.drawRoundedRect(self.rect().adjusted(1, int(top or 0) + 1, -1, -9), 8, 8)
        if self._divider:
            self._paint_divider(painter, c)
        if self._editor is None:
            self._paint_head(painter, c)
            self._paint_foot(painter, c)
        painter.end()

    def _paint_divider(self, painter: QPainter, c: theme.Colors) -> None:
        painter.setFont(theme.scaled_font(0.88))
        metrics = painter.fontMetrics()
        middle = metrics.height() // 2 + 6
        room = metrics.horizontalAdvance(self._divider) + 24
        left, right = (self.width() - room) // 2, (self.width() + room) // 2
        painter.setPen(QColor(c.accent))
        painter.drawLine(0, middle, left, middle)
        painter.drawLine(right, middle, self.width(), middle)
        painter.drawText(
            QRect(0, 6, self.width(), metrics.height()), Qt.AlignmentFlag.AlignCenter, self._divider
        )

    def _paint_head(self, painter: QPainter, c: theme.Colors) -> None:
        if self.message.role is Role.USER:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(c.bubble))
            painter.drawRoundedRect(self._bubble, 14, 14)
            return
        from_top = (self.fontMetrics().height() + 30) if self._divider else 0
        painter.setPen(QColor(c.text))
        painter.setFont(theme.scaled_font(0.95, painter.font().weight().DemiBold))
        name = QRect(0, from_top, self.width(), self.fontMetrics().height() + 2)
        painter.drawText(name, Qt.AlignmentFlag.AlignVCenter, message_words.author(self.message))

    def _paint_foot(self, painter: QPainter, c: theme.Colors) -> None:
        if not self._state.isNull():
            is_failure = self.message.state is MessageState.FAILED
            painter.setPen(QColor(c.danger if is_failure else c.muted))
            painter.setFont(theme.scaled_font(0.92))
            words = self._progress or message_words.state_line(self.message)
            painter.drawText(self._state, int(Qt.TextFlag.TextWordWrap), words)
            dot = QColor(c.danger if is_failure else c.accent if self._progress else c.muted)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(dot)
            painter.drawEllipse(4, self._state.top() + painter.fontMetrics().height() // 2 - 4, 8, 8)
        figures = message_words.figures(self.message)
        if figures and (self._buttons or self._is_last):
            painter.setPen(QColor(c.muted))
            painter.setFont(theme.scaled_font(0.85))
            foot = QRect(0, self._foot_top, self.width(), 30)
            painter.drawText(foot, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, figures)

    # -- what can be done with it

    def deeds(self) -> list[Deed]:
        """Return what can be done with the message now, in the order shown."""
        message, result = self.message, []
        if message.sibling_before is not None and not self._is_replying:
            result.append(Deed("before", self.tr("Previous version"), "left"))
        if message.siblings > 1:
            result.append(Deed("", f"{message.position} / {message.siblings}", ""))
        if message.sibling_after is not None and not self._is_replying:
            result.append(Deed("after", self.tr("Next version"), "right"))
        if message.text:
            result.append(Deed("copy", self.tr("Copy"), "copy"))
        if self._is_replying:
            return result
        if message.role is Role.USER:
            result.append(Deed("edit", self.tr("Edit"), "edit"))
        if message.role is Role.ASSISTANT and message.state is not MessageState.WRITING:
            result.append(Deed("retry", self.tr("Retry"), "retry"))
        if self._is_last and message_words.can_continue(message):
            result.append(Deed("continue", self.tr("Continue"), "continue"))
        return result

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
            has_words = not deed.icon or is_loud or deed.name == "continue"
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
