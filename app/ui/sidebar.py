"""The left side of the window: new chat, search, the chats, and the way to the other pages."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, QRect, Qt, QTimer, Signal, SignalInstance
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.core.conversation import ConversationLine, SearchHit
from app.ui import icons, theme
from app.ui.buttons import FlatButton, Label
from app.ui.chat_list import ChatList
from app.ui.shortcuts import is_wanted

_SEARCH_AFTER = 120  # ms without a key


class SearchField(QLineEdit):
    """A line to search in, with a magnifying glass before it."""

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the glass over the field."""
        super().paintEvent(event)
        painter = QPainter(self)
        icons.draw(painter, "search", QRect(9, (self.height() - 16) // 2, 16, 16), theme.colors().muted)
        painter.end()


class Sidebar(QFrame):
    """The list of chats and what stands around it.

    Signals:
        new_chat_requested, models_requested, settings_requested, trash_view_requested, undo_trash_requested
        search_requested: the words; empty: the search is over
    """

    new_chat_requested = Signal()
    models_requested = Signal()
    settings_requested = Signal()
    trash_view_requested = Signal()
    search_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("sidebar")
        self.setMinimumWidth(200)
        self._chats: list[ConversationLine] = []
        self.chats = ChatList()
        self.search = SearchField()
        self.search.setPlaceholderText(self.tr("Search chats"))
        self.search.setAccessibleName(self.tr("Search chats"))
        self.search.installEventFilter(self)
        self._nothing = Label("", is_muted=True)
        self._nothing.setWordWrap(True)
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._nothing.setContentsMargins(16, 24, 16, 24)
        self._timer = QTimer(self, singleShot=True, interval=_SEARCH_AFTER)
        self._timer.timeout.connect(self._search)
        self.search.textChanged.connect(self._on_typed)
        self._place()
        self._show_nothing(False)

    def _place(self) -> None:
        new_chat = self._button(self.tr("New chat"), "compose", self.new_chat_requested)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 10, 8, 8)
        layout.setSpacing(4)
        layout.addWidget(new_chat)
        layout.addWidget(self.search)
        layout.addSpacing(2)
        layout.addWidget(self.chats, 1)
        layout.addWidget(self._nothing, 1)
        layout.addWidget(self._button(self.tr("Models"), "models", self.models_requested))
        row = QHBoxLayout()
        row.addWidget(self._button(self.tr("Settings"), "settings", self.settings_requested), 1)
        trash = FlatButton(icon="trash", name=self.tr("Trash"))
        trash.clicked.connect(self.trash_view_requested)
        row.addWidget(trash)
        layout.addLayout(row)

    def _button(self, words: str, icon: str, wish: SignalInstance) -> FlatButton:
        button = FlatButton(words, icon, is_leading=True)
        button.clicked.connect(wish)
        return button

    # -- what it shows

    def show_chats(self, lines: Sequence[ConversationLine]) -> None:
        """Show the chats, unless a search is on."""
        self._chats = list(lines)
        if not self.search.text().strip():
            self.chats.show_chats(self._chats)
            self._show_nothing(not self._chats)

    def show_hits(self, query: str, hits: Sequence[SearchHit]) -> None:
        """Show what was found; hits of a search that is over are left out."""
        if query.strip() == self.search.text().strip() and query.strip():
            self.chats.show_hits(hits)
            self._show_nothing(not hits)

    def show_opened(self, conversation: int | None) -> None:
        """Mark the open chat."""
        self.chats.show_opened(conversation)

    def begin_search(self) -> None:
        """Put the cursor into the search field."""
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def line_of(self, conversation: int) -> ConversationLine | None:
        """Return what is known of a chat in the list."""
        return next((line for line in self._chats if line.id == conversation), None)

    def _show_nothing(self, is_empty: bool) -> None:
        is_search = bool(self.search.text().strip())
        words = self.tr("Nothing found.") if is_search else self.tr("Your chats will stand here.")
        self._nothing.setText(words)
        self._nothing.setVisible(is_empty)
        self.chats.setVisible(not is_empty)

    # -- what is done

    def _search(self) -> None:
        words = self.search.text().strip()
        self.search_requested.emit(words)
        if not words:
            self.chats.show_chats(self._chats)
            self._show_nothing(not self._chats)

    def _search_now(self) -> None:
        """Search for what was typed just now, so that a key acts on what was meant."""
        if self._timer.isActive():
            self._timer.stop()
            self._search()

    def _on_typed(self) -> None:
        if not self.search.isClearButtonEnabled():  # 4 ms, which the start need not wait for
            self.search.setClearButtonEnabled(True)
        self._timer.start()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Walk from the search field into the list, and leave the search with Esc."""
        if is_wanted(event, Qt.Key.Key_Escape) and watched is self.search and self.search.text():
            return True
        if watched is self.search and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._search_now()
            if event.key() == Qt.Key.Key_Down:
                self.chats.setFocus()
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.chats.open_first()
                return True
            if event.key() == Qt.Key.Key_Escape and self.search.text():
                self.search.clear()
                return True
        return super().eventFilter(watched, event)
