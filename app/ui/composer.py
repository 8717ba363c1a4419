"""Where the user writes."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QMimeData, QObject, Qt, QTimer, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QHideEvent,
    QInputMethodEvent,
    QKeyEvent,
    QResizeEvent,
    QTextCursor,
    QTextOption,
)
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from app.core.generation import Usage
from app.ui import markdown
from app.ui.buttons import FlatButton, Label, Look
from app.ui.token_meter import TokenMeter
from app.ui.transcript import MEASURE

_DRAFT_AFTER = 300  # ms without a key before the draft is told
# what no one sees and no model expects: null bytes and the like
_INVISIBLE = dict.fromkeys(code for code in range(32) if chr(code) not in "\t\n\r\f\v")
_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class MessageField(QPlainTextEdit):
    """A plain text field that knows when Enter sends.

    Signals:
        send_pressed
        edit_last_pressed: Up in an empty field
        focus_changed: whether it has the focus
    """

    send_pressed = Signal()
    edit_last_pressed = Signal()
    focus_changed = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sends_with_control = False
        self._is_composing = False
        self.setTabChangesFocus(True)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.document().setDocumentMargin(4)
        self.viewport().setAutoFillBackground(False)

    def inputMethodEvent(self, event: QInputMethodEvent) -> None:
        """Remember whether a text is being composed: then Enter belongs to the input method."""
        self._is_composing = bool(event.preeditString())
        super().inputMethodEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Tell that it has the focus."""
        super().focusInEvent(event)
        self.focus_changed.emit(True)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Tell that it has it no more; a composition ends with it."""
        super().focusOutEvent(event)
        self._is_composing = False
        self.focus_changed.emit(False)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Send, or break the line."""
        if event.key() in _ENTER and not self._is_composing:
            has_control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
            has_shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            if has_control and has_shift:
                event.ignore()
            elif has_shift or has_control != self.sends_with_control:
                self.insertPlainText("\n")
                self.ensureCursorVisible()
            else:
                self.send_pressed.emit()
            return
        if event.key() == Qt.Key.Key_Up and self.document().isEmpty() and not self._is_composing:
            self.edit_last_pressed.emit()
            return
        super().keyPressEvent(event)

    def insertFromMimeData(self, source: QMimeData) -> None:
        """Insert pasted and dropped text without its looks."""
        if source.hasText():
            text = source.text().translate(_INVISIBLE)
            self.prepare_for(text)
            self.insertPlainText(text)
            self.ensureCursorVisible()

    def prepare_for(self, text: str) -> None:
        """Break lines as suits a text that is about to come."""
        mode = markdown.wrap_mode(text)
        if self.document().isEmpty() or mode == QTextOption.WrapMode.WrapAnywhere:
            self.setWordWrapMode(mode)

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        """Leave files to the window."""
        return source.hasText() and not source.hasUrls()


class Composer(QWidget):
    """The field, the token meter, and the Send button, which is Stop while a reply is written.

    Signals:
        send_requested: the text
        stop_requested
        draft_edited: the text so far
        edit_last_requested: the user wants to change the last message
    """

    send_requested = Signal(str)
    stop_requested = Signal()
    draft_edited = Signal(str)
    edit_last_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._is_replying = False
        self._told = ""
        self.field = MessageField()
        self.field.setPlaceholderText(self.tr("Write a message …"))
        self.field.setAccessibleName(self.tr("Message"))
        self.meter = TokenMeter()
        self._hint = Label("", 0.85, is_muted=True)
        self._button = FlatButton(icon="send", look=Look.FILLED, name=self.tr("Send"))
        self._button.set_round()
        self._card = self._place()
        self._timer = QTimer(self, singleShot=True, interval=_DRAFT_AFTER)
        self._timer.timeout.connect(self.flush)
        self.field.textChanged.connect(self._on_text_changed)
        self.field.document().documentLayout().documentSizeChanged.connect(self._fit)
        self.field.send_pressed.connect(self._send)
        self.field.edit_last_pressed.connect(self.edit_last_requested)
        self.field.focus_changed.connect(self._show_focus)
        self._button.clicked.connect(self._on_button)
        self.show_send_key("enter")
        self._show_button()

    def _place(self) -> QFrame:
        card = QFrame()
        card.setObjectName("card")
        card.setMaximumWidth(MEASURE + 28)
        row = QHBoxLayout()
        row.setContentsMargins(4, 0, 0, 0)
        row.addWidget(self._hint)
        row.addStretch(1)
        row.addWidget(self.meter)
        row.addSpacing(6)
        row.addWidget(self._button)
        inside = QVBoxLayout(card)
        inside.setContentsMargins(12, 8, 8, 8)
        inside.setSpacing(2)
        inside.addWidget(self.field)
        inside.addLayout(row)
        outside = QHBoxLayout(self)
        outside.setContentsMargins(16, 4, 16, 16)
        outside.addStretch(1)
        outside.addWidget(card, 1000)
        outside.addStretch(1)
        return card

    # -- what it is told

    @property
    def text(self) -> str:
        """What stands in the field."""
        return self.field.toPlainText()

    def show_draft(self, text: str) -> None:
        """Put a text into the field; it is not told back."""
        self._timer.stop()
        self._told = text
        if text != self.text:
            self.field.clear()
            self.field.prepare_for(text)
            self.field.setPlainText(text)
            self.field.moveCursor(QTextCursor.MoveOperation.End)
            self._timer.stop()

    def show_replying(self, is_replying: bool) -> None:
        """Offer Stop instead of Send, or Send again."""
        self._is_replying = is_replying
        self._show_button()

    def show_usage(self, usage: Usage) -> None:
        """Show how full the window is."""
        self.meter.show_usage(usage)
        self._fit_foot()

    def show_send_key(self, key: str) -> None:
        """Send with `enter` or with `ctrl_enter`."""
        self.field.sends_with_control = key == "ctrl_enter"
        self._hint.setText(
            self.tr("Ctrl+Enter sends") if self.field.sends_with_control else self.tr("Shift+Enter: new line")
        )

    def take_focus(self) -> None:
        """Put the cursor into the field."""
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def flush(self) -> None:
        """Tell the draft now, if it was not told yet."""
        self._timer.stop()
        text = self.text
        if text != self._told:
            self._told = text
            self.draft_edited.emit(text)

    # -- what it does

    def _send(self) -> None:
        text = self.text
        if self._is_replying or not text.strip():
            return
        self._timer.stop()
        self._told = ""
        self.field.clear()
        self.field.prepare_for("")
        self._timer.stop()
        self.send_requested.emit(text)

    def _on_button(self) -> None:
        if self._is_replying:
            self.stop_requested.emit()
        else:
            self._send()
            self.take_focus()

    def _on_text_changed(self) -> None:
        self._timer.start()
        self._show_button()

    def _show_button(self) -> None:
        words = self.tr("Stop (Esc)") if self._is_replying else self.tr("Send")
        self._button.set_icon("stop" if self._is_replying else "send")
        self._button.setAccessibleName(words)
        self._button.setToolTip(words)
        self._button.setEnabled(self._is_replying or not self.field.document().isEmpty())

    def _show_focus(self, has_focus: bool) -> None:
        self._card.setProperty("focused", has_focus)
        self._card.style().unpolish(self._card)
        self._card.style().polish(self._card)

    def _fit_foot(self) -> None:
        """Scale the button with the text, and give up the hint where the meter needs its place."""
        side = max(34, self.fontMetrics().height() + 14)
        self._button.setFixedSize(side, side)
        inside = self._card.maximumWidth() if self.width() > self._card.maximumWidth() else self.width()
        taken = self.meter.fit(inside - side - 80)
        self._hint.setVisible(taken + self._hint.sizeHint().width() + side + 100 < inside)

    def _fit(self) -> None:
        lines = max(1, int(self.field.document().size().height()))
        line = self.field.fontMetrics().lineSpacing()
        most = max(3 * line, self.window().height() // 3)
        wanted = min(lines * line + 12, most)
        bar = (
            Qt.ScrollBarPolicy.ScrollBarAsNeeded if wanted == most else Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        )
        self.field.setVerticalScrollBarPolicy(bar)
        if self.field.height() != wanted or self.field.minimumHeight() != wanted:
            self.field.setFixedHeight(wanted)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give the field its share of the new height."""
        super().resizeEvent(event)
        self._fit()
        self._fit_foot()

    def hideEvent(self, event: QHideEvent) -> None:
        """Keep the draft before it is out of sight."""
        self.flush()
        super().hideEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the text size."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange and isinstance(getattr(self, "field", None), QObject):
            self._fit()
            self._fit_foot()
