"""The page of the chats in the trash."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QMessageBox, QVBoxLayout, QWidget

from app.core.conversation import ConversationLine
from app.ui.buttons import FlatButton, Label, Look

_ID = Qt.ItemDataRole.UserRole


class TrashPage(QWidget):
    """Chats that were deleted, until they are deleted forever.

    Signals:
        restore_requested, purge_requested: conversation id
        empty_requested, back_requested
    """

    restore_requested = Signal(int)
    purge_requested = Signal(int)
    empty_requested = Signal()
    back_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view = QListWidget()
        self.view.setObjectName("panel")
        self.view.setUniformItemSizes(True)
        self.view.setAccessibleName(self.tr("Chats in the trash"))
        self.view.itemSelectionChanged.connect(self._show_buttons)
        self.view.itemActivated.connect(lambda _item: self._restore())
        self._state = Label("", is_muted=True)
        self._restore_button = FlatButton(self.tr("Restore"), "restore", Look.OUTLINED)
        self._purge_button = FlatButton(self.tr("Delete forever …"), "trash", Look.OUTLINED)
        self._empty_button = FlatButton(self.tr("Empty the trash …"), look=Look.OUTLINED)
        self._restore_button.clicked.connect(self._restore)
        self._purge_button.clicked.connect(self._purge)
        self._empty_button.clicked.connect(self._empty)
        back = FlatButton(icon="left", name=self.tr("Back to the chat"))
        back.clicked.connect(self.back_requested)
        head = QHBoxLayout()
        head.addWidget(back)
        head.addWidget(Label(self.tr("Trash"), 1.4, is_bold=True))
        head.addSpacing(10)
        head.addWidget(self._state, 1)
        row = QHBoxLayout()
        row.addWidget(self._restore_button)
        row.addWidget(self._purge_button)
        row.addStretch(1)
        row.addWidget(self._empty_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 16, 24, 20)
        layout.setSpacing(12)
        layout.addLayout(head)
        layout.addWidget(self.view, 1)
        layout.addLayout(row)

    def show_chats(self, lines: Sequence[ConversationLine]) -> None:
        """Show what is in the trash."""
        row = max(0, self.view.currentRow())  # the first at first: what has the keyboard is chosen
        self.view.clear()
        for line in lines:
            item = QListWidgetItem(line.title)
            item.setData(_ID, line.id)
            item.setSizeHint(QSize(0, self.fontMetrics().height() + 16))
            self.view.addItem(item)
        self.view.setCurrentRow(min(row, len(lines) - 1))
        self._state.setText("" if lines else self.tr("The trash is empty."))
        self._empty_button.setEnabled(bool(lines))
        self._show_buttons()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go back with Esc, delete forever with Delete."""
        if event.key() == Qt.Key.Key_Escape:
            self.back_requested.emit()
        elif event.key() == Qt.Key.Key_Delete:
            self._purge()
        else:
            super().keyPressEvent(event)

    def _chosen(self) -> QListWidgetItem | None:
        chosen = self.view.selectedItems()
        return chosen[0] if chosen else None

    def _restore(self) -> None:
        item = self._chosen()
        if item is not None:
            self.restore_requested.emit(item.data(_ID))

    def _purge(self) -> None:
        item = self._chosen()
        if item is None:
            return
        question = self.tr("Delete “{0}” forever? This cannot be undone.").format(item.text())
        id_ = item.data(_ID)
        self._ask(question, self.tr("Delete forever"), lambda: self.purge_requested.emit(id_))

    def _empty(self) -> None:
        question = self.tr("Delete all chats in the trash forever? This cannot be undone.")
        self._ask(question, self.tr("Empty the trash"), self.empty_requested.emit)

    def _ask(self, question: str, words: str, deed: Callable[[], None]) -> None:
        box = QMessageBox(QMessageBox.Icon.Question, self.tr("Trash"), question, parent=self)
        button = box.addButton(words, QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        button.clicked.connect(lambda: deed())
        box.open()

    def _show_buttons(self) -> None:
        has_choice = self._chosen() is not None
        self._restore_button.setEnabled(has_choice)
        self._purge_button.setEnabled(has_choice)
