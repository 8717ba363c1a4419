"""The list of chats itself: what the keyboard, the mouse and the menu do with a line."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QItemSelectionModel, QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QListView, QMenu, QWidget

from app.core.conversation import ConversationLine, SearchHit
from app.ui.chat_list_delegate import ChatListDelegate
from app.ui.chat_list_model import ChatListModel, ListRole
from app.ui.shortcuts import is_wanted

_CHOOSABLE = Qt.ItemFlag.ItemIsSelectable


class ChatList(QListView):
    """Chats by day, or search hits.

    Signals, all with a conversation id first:
        open_requested: and the message to show, or None
        rename_requested: and the new title
        pin_requested: and whether it is to be pinned
        trash_requested, export_requested
    """

    open_requested = Signal(int, object)
    rename_requested = Signal(int, str)
    pin_requested = Signal(int, bool)
    trash_requested = Signal(int)
    export_requested = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines = ChatListModel()
        self._delegate = ChatListDelegate(self)
        self.setModel(self._lines)
        self.setItemDelegate(self._delegate)
        self.setUniformItemSizes(True)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setMouseTracking(True)
        self.setAccessibleName(self.tr("Chats"))
        self.customContextMenuRequested.connect(self._show_menu)
        self.clicked.connect(self._open)
        self._lines.rename_requested.connect(self.rename_requested)

    # -- what it shows

    def show_chats(self, lines: Sequence[ConversationLine]) -> None:
        """Show chats, keeping the place and the selection."""
        entry = self.currentIndex().data(ListRole.ENTRY)
        value = self.verticalScrollBar().value()
        was_searching, self._delegate.is_searching = self._delegate.is_searching, False
        self._lines.show_chats(lines)
        chosen = entry.id if isinstance(entry, ConversationLine) else self._delegate.opened
        self._choose(chosen)
        if not was_searching:
            self.doItemsLayout()
            self.verticalScrollBar().setValue(value)

    def show_hits(self, hits: Sequence[SearchHit]) -> None:
        """Show what a search found."""
        self._delegate.is_searching = True
        self._lines.show_hits(hits)
        if hits:
            self._set_current(0)

    def show_opened(self, conversation: int | None) -> None:
        """Mark the chat that is open."""
        self._delegate.opened = conversation
        if not self._delegate.is_searching:
            self._choose(conversation)
        self.viewport().update()

    def _choose(self, conversation: int | None) -> None:
        row = self._lines.row_of(conversation) if conversation is not None else -1
        if row >= 0:
            self._set_current(row)
        else:
            self.clearSelection()
            self.setCurrentIndex(QModelIndex())

    def _set_current(self, row: int) -> None:
        index = self._lines.index(row)
        self.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)

    # -- what is done with it

    def current_line(self) -> ConversationLine | None:
        """Return the chat the keyboard is at."""
        entry = self.currentIndex().data(ListRole.ENTRY)
        return entry if isinstance(entry, ConversationLine) else None

    def line_of(self, conversation: int) -> ConversationLine | None:
        """Return the line of a chat."""
        row = self._lines.row_of(conversation)
        entry = self._lines.index(row).data(ListRole.ENTRY) if row >= 0 else None
        return entry if isinstance(entry, ConversationLine) else None

    def rename(self, conversation: int) -> None:
        """Begin to rename a chat in its line."""
        row = self._lines.row_of(conversation)
        if row >= 0:
            self._set_current(row)
            self.setFocus()
            self.edit(self._lines.index(row))

    def open_neighbor(self, step: int) -> None:
        """Open the chat above (-1) or below (1) the one that is open."""
        lines = [entry for entry in self._lines.entries if isinstance(entry, ConversationLine)]
        places = [i for i, line in enumerate(lines) if line.id == self._delegate.opened]
        index = places[0] + step if places else 0
        if 0 <= index < len(lines):
            self.open_requested.emit(lines[index].id, None)

    def open_first(self) -> None:
        """Open the line the keyboard is at, or else the first."""
        index = self.currentIndex() if self.currentIndex().isValid() else self._lines.index(0)
        self._open(index)

    def _open(self, index: QModelIndex) -> None:
        entry = index.data(ListRole.ENTRY)
        if isinstance(entry, SearchHit):
            self.open_requested.emit(entry.conversation, entry.message)
        elif isinstance(entry, ConversationLine):
            self.open_requested.emit(entry.id, None)

    def event(self, event: QEvent) -> bool:
        """Have F2 for the line the keyboard is at, which need not be the open chat."""
        if self.current_line() is not None and is_wanted(event, Qt.Key.Key_F2):
            return True
        return super().event(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Begin at the first chat, so that one sees where the keyboard is."""
        super().focusInEvent(event)
        if not self.currentIndex().isValid():
            rows = range(self._lines.rowCount())
            lines = (row for row in rows if self._lines.flags(self._lines.index(row)) & _CHOOSABLE)
            row = next(lines, -1)
            if row >= 0:
                self._set_current(row)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Open with Enter, rename with F2, trash with Delete, the menu with its key."""
        line, key = self.current_line(), event.key()
        if self.state() == QAbstractItemView.State.EditingState:
            super().keyPressEvent(event)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._open(self.currentIndex())
        elif key == Qt.Key.Key_Delete and line is not None:
            self.trash_requested.emit(line.id)
        elif key == Qt.Key.Key_F2 and line is not None:
            self.rename(line.id)
        elif key == Qt.Key.Key_Menu or (
            key == Qt.Key.Key_F10 and event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        ):
            self._show_menu(self.visualRect(self.currentIndex()).center())
        else:
            super().keyPressEvent(event)

    def menu_for(self, line: ConversationLine) -> QMenu:
        """Return a menu of what can be done with a chat."""
        menu = QMenu(self)
        menu.addAction(self.tr("Open"), lambda: self.open_requested.emit(line.id, None))
        menu.addAction(self.tr("Rename"), lambda: self.rename(line.id))
        pin = self.tr("Unpin") if line.is_pinned else self.tr("Pin")
        menu.addAction(pin, lambda: self.pin_requested.emit(line.id, not line.is_pinned))
        menu.addAction(self.tr("Export …"), lambda: self.export_requested.emit(line.id))
        menu.addSeparator()
        menu.addAction(self.tr("Move to the trash"), lambda: self.trash_requested.emit(line.id))
        return menu

    def _show_menu(self, where: QPoint) -> None:
        entry = self.indexAt(where).data(ListRole.ENTRY)
        if isinstance(entry, ConversationLine):
            menu = self.menu_for(entry)
            menu.aboutToHide.connect(menu.deleteLater)
            menu.popup(self.viewport().mapToGlobal(where))
