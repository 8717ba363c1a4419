"""The field in which one of the user's messages is edited in its place."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QTextCursor
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from app.ui import markdown
from app.ui.buttons import FlatButton, Label, Look
from app.ui.shortcuts import is_wanted


class MessageEditor(QWidget):
    """A field with the text, Save & resend, and Cancel.

    Signals:
        accepted: the new text
        dismissed: the message stays as it was
        resized: its size hint is another one
    """

    accepted = Signal(str)
    dismissed = Signal()
    resized = Signal()

    def __init__(self, text: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._field = QPlainTextEdit(self)
        self._field.setObjectName("field")
        self._field.setWordWrapMode(markdown.wrap_mode(text))
        self._field.setPlainText(text)
        self._field.setTabChangesFocus(True)
        self._field.setAccessibleName(self.tr("Edit the message"))
        self._field.textChanged.connect(self._on_text_changed)
        self._save = FlatButton(self.tr("Save && resend").replace("&&", "&"), look=Look.FILLED)
        cancel = FlatButton(self.tr("Cancel"), look=Look.OUTLINED)
        self._save.clicked.connect(self._accept)
        cancel.clicked.connect(self.dismissed)
        note = Label(self.tr("The old version is kept beside the new one."), 0.88, is_muted=True)
        row = QHBoxLayout()
        row.addWidget(note, 1)
        row.addWidget(cancel)
        row.addWidget(self._save)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._field)
        layout.addLayout(row)

    def take_focus(self) -> None:
        """Put the cursor at the end of the text."""
        self._field.setFocus()
        self._field.moveCursor(QTextCursor.MoveOperation.End)

    def sizeHint(self) -> QSize:
        """Return room for the text, within reason."""
        lines = min(14, max(3, int(self._field.document().size().height()) + 1))
        return QSize(400, lines * self._field.fontMetrics().lineSpacing() + 66)

    def event(self, event: QEvent) -> bool:
        """Have Esc for itself while it is there."""
        return is_wanted(event, Qt.Key.Key_Escape) or super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Cancel with Esc, save with Ctrl+Enter."""
        is_enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if event.key() == Qt.Key.Key_Escape:
            self.dismissed.emit()
        elif is_enter and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._accept()
        else:
            super().keyPressEvent(event)

    def _accept(self) -> None:
        text = self._field.toPlainText().strip()
        if text:
            self.accepted.emit(text)

    def _on_text_changed(self) -> None:
        self._save.setEnabled(bool(self._field.toPlainText().strip()))
        self.resized.emit()
