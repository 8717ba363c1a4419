"""The lines of the chat list: headings, chats, and search hits."""

from __future__ import annotations

import datetime
import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from PySide6.QtCore import (
    QAbstractListModel,
    QCoreApplication,
    QLocale,
    QModelIndex,
    QPersistentModelIndex,
    Qt,
    Signal,
)

from app.core.conversation import ConversationLine, SearchHit

_tr = QCoreApplication.translate
_Index: TypeAlias = QModelIndex | QPersistentModelIndex


class ListRole(enum.IntEnum):
    """What else a line knows, for `data`."""

    ENTRY = Qt.ItemDataRole.UserRole + 1  # the entry itself


@dataclass(frozen=True, slots=True)
class Heading:
    """The name of a group of chats."""

    words: str


Entry: TypeAlias = Heading | ConversationLine | SearchHit


def group_of(line: ConversationLine, today: datetime.date) -> str:
    """Return the heading under which a chat stands; `today` is a local date."""
    if line.is_pinned:
        return _tr("ChatList", "Pinned")
    day = line.updated.astimezone().date()
    age = (today - day).days
    if age <= 0:
        return _tr("ChatList", "Today")
    if age == 1:
        return _tr("ChatList", "Yesterday")
    if age <= 7:
        return _tr("ChatList", "Previous 7 days")
    month = QLocale().standaloneMonthName(day.month)
    return f"{month} {day.year}"


def _month_of(line: ConversationLine, today: datetime.date) -> datetime.datetime | None:
    """Return when the month of a chat began; None if the chat stands under another heading than its month."""
    local = line.updated.astimezone()
    if line.is_pinned or (today - local.date()).days <= 7:
        return None
    return datetime.datetime(local.year, local.month, 1).astimezone()


class ChatListModel(QAbstractListModel):
    """Chats under their headings, or search hits.

    Signals:
        rename_requested: conversation id, the new title
    """

    rename_requested = Signal(int, str)

    def __init__(self) -> None:
        super().__init__()
        self._entries: list[Entry] = []

    def show_chats(self, lines: Sequence[ConversationLine]) -> None:
        """Show chats, in the order given, under headings."""
        today = datetime.datetime.now().astimezone().date()
        entries: list[Entry] = []
        group = ""
        month: datetime.datetime | None = None  # the beginning of the one the lines before are in
        for line in lines:
            if month is None or line.updated < month:  # asking for each of 5,000 would take 13 ms
                name = group_of(line, today)
                month = _month_of(line, today)
                if name != group:
                    group = name
                    entries.append(Heading(name))
            entries.append(line)
        self._show(entries)

    def show_hits(self, hits: Sequence[SearchHit]) -> None:
        """Show what a search found."""
        self._show(list(hits))

    def _show(self, entries: list[Entry]) -> None:
        self.beginResetModel()
        self._entries = entries
        self.endResetModel()

    @property
    def entries(self) -> list[Entry]:
        """The lines as they stand."""
        return list(self._entries)

    def row_of(self, conversation: int) -> int:
        """Return the row of a chat, -1 where it is not listed."""
        for row, entry in enumerate(self._entries):
            if isinstance(entry, ConversationLine) and entry.id == conversation:
                return row
        return -1

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008  Qt's own signature
        """Return how many lines there are."""
        return 0 if parent.isValid() else len(self._entries)

    def flags(self, index: _Index) -> Qt.ItemFlag:
        """Let everything but a heading be selected, and chats be renamed."""
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        entry = self._entries[index.row()]
        if isinstance(entry, Heading):
            return Qt.ItemFlag.NoItemFlags
        usual = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return usual | Qt.ItemFlag.ItemIsEditable if isinstance(entry, ConversationLine) else usual

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return the words of a line, its entry, or what a screen reader says."""
        if not index.isValid():
            return None
        entry = self._entries[index.row()]
        if role == ListRole.ENTRY:
            return entry
        title = entry.words if isinstance(entry, Heading) else entry.title
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole, Qt.ItemDataRole.ToolTipRole):
            return title
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{title}: {entry.snippet}" if isinstance(entry, SearchHit) else title
        return None

    def setData(self, index: _Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Wish for another title; the list changes when that is done."""
        entry = self._entries[index.row()]
        title = str(value).strip()
        if isinstance(entry, ConversationLine) and title and title != entry.title:
            self.rename_requested.emit(entry.id, title)
            return True
        return False
