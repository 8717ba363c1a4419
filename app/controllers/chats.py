"""The list of chats: finding, naming, pinning, and the trash."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from app.controllers.notices import Notices
from app.core.errors import AppError
from app.core.notices import Notice, NoticeAction, NoticeKind
from app.storage.store import Store


class ChatsController(QObject):
    """All chats but the words in them.

    Signals:
        listed: list of ConversationLine; pinned ones first, then the newest
        found: the query, list of SearchHit
        trash_listed: list of ConversationLine
        renamed: conversation id, title
        trashed: conversation id
        restored: conversation id
        purged: conversation id
    """

    listed = Signal(object)
    found = Signal(str, object)
    trash_listed = Signal(object)
    renamed = Signal(int, str)
    trashed = Signal(int)
    restored = Signal(int)
    purged = Signal(int)

    def __init__(self, store: Store, notices: Notices, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._notices = notices
        self._query = ""
        self._trashed: list[int] = []  # the latest last, for undo
        self._tidying = QTimer(self, interval=0)
        self._tidying.timeout.connect(self._on_tidying)
        notices.acted.connect(self._on_acted)

    @Slot()
    def refresh(self) -> None:
        """List the chats anew, and search anew if a search is open."""
        with self._notices.telling():
            self.listed.emit(self._store.conversations())
            if self._query:
                self.found.emit(self._query, self._store.search(self._query))

    @Slot(str)
    def search(self, query: str) -> None:
        """Find the words in titles and messages; an empty query ends the search."""
        self._query = query.strip()
        with self._notices.telling():
            hits = self._store.search(self._query) if self._query else []
            self.found.emit(self._query, hits)

    @Slot(int, str)
    def rename(self, conversation: int, title: str) -> None:
        """Give a chat a title; an empty one leaves it as it was."""
        title = " ".join(title.split())
        if not title:
            self.refresh()
            return
        with self._notices.telling():
            self._store.rename(conversation, title)
            self.renamed.emit(conversation, title)
            self.refresh()

    @Slot(int, bool)
    def pin(self, conversation: int, is_pinned: bool) -> None:
        """Keep a chat on top of the list, or no longer."""
        with self._notices.telling():
            self._store.pin(conversation, is_pinned)
            self.refresh()

    @Slot(int)
    def trash(self, conversation: int) -> None:
        """Put a chat into the trash, from where it can be brought back."""
        with self._notices.telling():
            title = self._store.conversation(conversation).title
            self._store.trash(conversation)
            self._trashed.append(conversation)
            self.trashed.emit(conversation)
            self._list_everything()
            self._notices.post(
                Notice(
                    NoticeKind.NEWS,
                    self.tr("“{title}” is in the trash.").format(title=title or self.tr("New chat")),
                    "",
                    NoticeAction.UNDO_TRASH,
                    self.tr("Undo"),
                    "trash",
                )
            )

    @Slot()
    def undo_trash(self) -> None:
        """Bring back the chat that was put into the trash last."""
        if self._trashed:
            self.restore(self._trashed.pop())
            self._notices.withdrawn.emit("trash")

    @Slot(int)
    def restore(self, conversation: int) -> None:
        """Bring a chat back from the trash."""
        with self._notices.telling():
            self._store.restore(conversation)
            self._forget(conversation)
            self._list_everything()
            self.restored.emit(conversation)

    @Slot(int)
    def purge(self, conversation: int) -> None:
        """Delete a chat of the trash for good."""
        with self._notices.telling():
            self._store.purge(conversation)
            self.tidy()
            self._forget(conversation)
            self._list_everything()
            self.purged.emit(conversation)

    @Slot()
    def empty_trash(self) -> None:
        """Delete everything in the trash for good."""
        with self._notices.telling():
            gone = [line.id for line in self._store.trashed()]
            self._store.empty_trash()
            self.tidy()
            self._trashed.clear()
            self._list_everything()
            for conversation in gone:
                self.purged.emit(conversation)

    @Slot()
    def tidy(self) -> None:
        """Take the words of deleted chats out of the file, in small slices between other things."""
        self._tidying.start()

    @Slot()
    def _on_tidying(self) -> None:
        has_more = False
        with self._notices.telling():
            has_more = self._store.tidy()
        if not has_more:
            self._tidying.stop()

    def close(self) -> None:
        """Tidy no more; the rest is done at the next start."""
        self._tidying.stop()

    @Slot()
    def list_trash(self) -> None:
        """List what is in the trash."""
        with self._notices.telling():
            self.trash_listed.emit(self._store.trashed())

    @Slot(int, str)
    def export(self, conversation: int, path: str) -> None:
        """Write a chat to a file: JSON with all branches if it ends in `.json`, else Markdown."""
        from app.core.export import to_json, to_markdown  # noqa: PLC0415  not before it is wanted

        target = Path(path)
        with self._notices.telling():
            chat, messages = self._store.conversation(conversation), self._store.branch(conversation)
            if target.suffix.lower() == ".json":
                text = to_json(chat, self._store.messages(conversation))
            else:
                text = to_markdown(chat, messages)
            try:
                target.write_text(text, encoding="utf-8")
            except OSError as error:
                raise AppError(
                    self.tr("{name} could not be written: {why}.").format(
                        name=target.name, why=error.strerror or error
                    ),
                    self.tr("Choose another folder, or free some space."),
                ) from error
            self._notices.news(self.tr("The chat was exported to {path}.").format(path=target))

    def _forget(self, conversation: int) -> None:
        if conversation in self._trashed:
            self._trashed.remove(conversation)

    def _list_everything(self) -> None:
        self.refresh()
        self.list_trash()

    @Slot(object)
    def _on_acted(self, action: NoticeAction) -> None:
        if action is NoticeAction.UNDO_TRASH:
            self.undo_trash()
