"""The open chat: sending, stopping, and every way to go on from what was said."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal, Slot

from app.controllers.chats import ChatsController
from app.controllers.lane import Lane
from app.controllers.meter import Meter
from app.controllers.models import ModelsController
from app.controllers.notices import Notices
from app.controllers.open_chat import OpenChat
from app.controllers.replies import Replies
from app.controllers.settings import SettingsController
from app.core.conversation import Message
from app.core.errors import AppError, NoModelLoaded
from app.core.generation import ReplyRequest, SamplingOptions
from app.engine.backend import Backend
from app.storage.store import Store


class ChatController(QObject):
    """What the user can do with the chat on the screen.

    Signals:
        opened: Conversation (its id is 0 for a new chat), list of Message
        branch_changed: list of Message, the open branch anew; a leading part of it is as before
        message_added: Message, at the end of the branch
        text_arrived: message id, more text
        message_changed: Message, as it is now
        progress_changed: message id, what is going on in words; empty when it is over
        replying_changed: whether a reply is being written in the open chat
        draft_changed: text for the composer
        usage_changed: Usage
        view_begins_changed: id of the first message the model sees, or None when it sees all
        title_changed: title; empty for a new chat
        details_changed: system prompt, SamplingOptions or None for those of the settings
        message_revealed: message id to scroll to
    """

    opened = Signal(object, object)
    branch_changed = Signal(object)
    message_added = Signal(object)
    text_arrived = Signal(int, str)
    message_changed = Signal(object)
    progress_changed = Signal(int, str)
    replying_changed = Signal(bool)
    draft_changed = Signal(str)
    usage_changed = Signal(object)
    view_begins_changed = Signal(object)
    title_changed = Signal(str)
    details_changed = Signal(str, object)
    message_revealed = Signal(int)

    def __init__(
        self,
        store: Store,
        lane: Lane,
        backend: Backend,
        replies: Replies,
        models: ModelsController,
        chats: ChatsController,
        settings: SettingsController,
        notices: Notices,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._store = store
        self._replies = replies
        self._models = models
        self._chats = chats
        self._notices = notices
        self._chat = OpenChat(store, lambda: settings.settings, replies.newest)
        self._was_replying = False
        self._meter = Meter(lane, backend, self._chat.next_turns, lambda: replies.is_busy, self)
        self._meter.counted.connect(self.usage_changed)
        self._meter.view_begins.connect(self.view_begins_changed)
        replies.text_arrived.connect(self._on_text_arrived)
        replies.progress_changed.connect(self._on_progress)
        replies.view_began.connect(self._on_view_began)
        replies.ended.connect(self._on_reply_ended)
        models.model_changed.connect(self._on_model_changed)
        models.load_progressed.connect(self._on_load_progressed)
        models.unload_began.connect(self._on_unload_began)
        settings.changed.connect(self._on_settings_changed)
        chats.renamed.connect(self._on_renamed)
        chats.trashed.connect(self._on_trashed)
        chats.restored.connect(self.open)
        chats.purged.connect(self._on_trashed)

    @property
    def conversation_id(self) -> int | None:
        """The open chat; None for a new one that is not stored yet."""
        return self._chat.id

    @property
    def is_replying(self) -> bool:
        """Whether a reply is being written in the open chat."""
        return self._reply() is not None

    @property
    def details(self) -> tuple[str, SamplingOptions | None]:
        """The open chat's system prompt, and its sampling options (None: those of the settings)."""
        return self._chat.details

    # --- which chat is open

    @Slot()
    def reopen(self) -> None:
        """Show the chat that was open when the program ended, or a new one."""
        last = self._chat.last()
        if last is None:
            self.new_chat()
        else:
            self.open(last)

    @Slot()
    def new_chat(self) -> None:
        """Show a new, empty chat."""
        with self._notices.telling():
            self._chat.begin()
        self._show()

    @Slot(int)
    @Slot(int, object)
    def open(self, conversation: int, message: int | None = None) -> None:
        """Show a chat; if `message` is given, the branch it is on, scrolled to it."""
        if conversation != self._chat.id or message is not None:
            with self._notices.telling():
                self._chat.open(conversation, message)
            self._show()
        if message is not None:
            self.message_revealed.emit(message)

    def _show(self) -> None:
        conversation = self._chat.conversation
        self.opened.emit(conversation, self._chat.branch)
        self.title_changed.emit(conversation.title)
        self.details_changed.emit(*self.details)
        self.draft_changed.emit(self._chat.draft)
        self.view_begins_changed.emit(None)
        self._tell_replying(always=True)
        self._meter.turns_changed()

    # --- talking

    @Slot(str)
    def send(self, text: str) -> None:
        """Add the user's message at the end of the branch and have it answered."""
        if not text.strip() or self.is_replying:
            self.draft_changed.emit(text)
            return
        parent = self._chat.branch[-1].id if self._chat.branch else None
        if self._exchange(text, parent, is_draft=True):
            for message in self._chat.branch[-2:]:
                self.message_added.emit(message)
            self._begin_reply()
        else:
            self.draft_changed.emit(text)

    @Slot(int, str)
    def edit(self, message: int, text: str) -> None:
        """Say something else in place of a message of the user's; the old one stays as a sibling."""
        old = self._chat.message(message)
        if old is None or not text.strip():
            return
        self.stop()
        if self._exchange(text, old.parent, is_draft=False):
            self.branch_changed.emit(self._chat.branch)
            self._begin_reply()

    @Slot(int)
    def retry(self, message: int) -> None:
        """Have another reply written beside a reply."""
        old = self._chat.message(message)
        if old is None or old.parent is None or not self._ensure_model():
            return
        self.stop()
        with self._notices.telling():
            self._store.add_reply(old.parent, model=self._models.name, options=self._chat.options)
            self._chat.read()
            self.branch_changed.emit(self._chat.branch)
            self._begin_reply()

    @Slot(int)
    def continue_reply(self, message: int) -> None:
        """Have the model go on where the last reply was cut."""
        is_last = bool(self._chat.branch) and self._chat.branch[-1].id == message
        if not is_last or self.is_replying or not self._ensure_model():
            return
        with self._notices.telling():
            self._store.reopen_reply(message)
            self._chat.read()
            self.message_changed.emit(self._chat.branch[-1])
            self._begin_reply()

    @Slot()
    def stop(self) -> None:
        """Stop the reply, keeping what was written."""
        reply = self._reply()
        if reply is not None:
            self._replies.stop(reply)
            self._models.stop_loading()
            self._tell_replying()

    @Slot(int)
    def choose_sibling(self, message: int) -> None:
        """Show the branch that goes through a sibling of a message."""
        with self._notices.telling():
            self._store.choose_sibling(message)
            self._chat.read()
            self.branch_changed.emit(self._chat.branch)
            self._tell_replying()
            self._meter.turns_changed()

    def _exchange(self, text: str, parent: int | None, *, is_draft: bool) -> bool:
        """Store the user's message and the empty reply below it; whether that worked."""
        if not self._ensure_model():
            return False
        try:
            title = self._chat.exchange(text, parent, self._models.name, is_draft=is_draft)
        except AppError as error:
            self._notices.tell(error)
            return False
        if title:
            self.title_changed.emit(title)
        self._chats.refresh()
        return True

    def _begin_reply(self) -> None:
        *above, reply = self._chat.branch
        self._models.ensure_loaded()
        self._replies.start(
            reply, ReplyRequest(self._chat.turns(above), self._chat.options, prefill=reply.text)
        )
        self._tell_replying()
        self._meter.turns_changed()

    def _ensure_model(self) -> bool:
        if self._models.has_candidate:
            return True
        self._notices.tell(NoModelLoaded())
        return False

    # --- the chat's own things

    @Slot(str)
    def edit_draft(self, text: str) -> None:
        """Keep what the user has typed but not sent."""
        if text == self._chat.draft:
            return
        try:
            self._chat.save_draft(text)
        except AppError as error:
            self._notices.saving_failed(error)
        else:
            if not self._replies.is_unsaved:
                self._notices.saving_works()
        self._meter.turns_changed()

    @Slot(str)
    def rename(self, title: str) -> None:
        """Give the open chat a title; a new one is stored with it."""
        with self._notices.telling():
            if self._chat.id is not None or title.strip():
                self._chats.rename(self._chat.store(), title)

    @Slot(str, object)
    def set_details(self, system_prompt: str, options: SamplingOptions | None) -> None:
        """Give the open chat a system prompt and sampling options of its own."""
        with self._notices.telling():
            self._chat.set_details(system_prompt, options)
            self._chats.refresh()
        self.details_changed.emit(*self.details)
        self._meter.turns_changed()

    # --- what happens

    def _reply(self) -> int | None:
        return self._replies.writing_in(self._chat.id) if self._chat.id is not None else None

    def _tell_replying(self, *, always: bool = False) -> None:
        if always or self.is_replying != self._was_replying:
            self._was_replying = self.is_replying
            self.replying_changed.emit(self._was_replying)

    @Slot(int, str)
    def _on_text_arrived(self, message: int, text: str) -> None:
        shown = self._chat.message(message)
        if shown is not None and self._chat.replace(self._replies.newest(shown)):
            self.text_arrived.emit(message, text)

    @Slot(int, str)
    def _on_progress(self, message: int, words: str) -> None:
        if self._chat.message(message) is not None:
            self.progress_changed.emit(message, words)

    @Slot(str, float)
    def _on_load_progressed(self, name: str, fraction: float) -> None:
        reply = self._reply()
        if reply is not None and fraction > 0:  # at 0 the load may wait for this very reply
            words = self.tr("Loading {name}: {percent} %")
            self.progress_changed.emit(reply, words.format(name=name, percent=round(fraction * 100)))

    @Slot()
    def _on_unload_began(self) -> None:
        if self._replies.stop_all():
            self._notices.news(self.tr("The reply was stopped to unload the model. Its text is kept."))
            self._tell_replying()

    @Slot(int, object)
    def _on_view_began(self, reply: int, first: object) -> None:
        if self._chat.message(reply) is not None:
            self.view_begins_changed.emit(first)

    @Slot(object)
    def _on_reply_ended(self, message: Message) -> None:
        if self._chat.replace(message):
            self.message_changed.emit(message)
        self._tell_replying()
        self._chats.refresh()
        self._meter.turns_changed()

    @Slot(object)
    def _on_model_changed(self, _model: object) -> None:
        self._meter.turns_changed()

    @Slot(object)
    def _on_settings_changed(self, _settings: object) -> None:
        if self._chat.id is None:
            self.details_changed.emit(*self.details)

    @Slot(int, str)
    def _on_renamed(self, conversation: int, title: str) -> None:
        if conversation == self.conversation_id:
            self._chat.take_title(title)
            self.title_changed.emit(title)

    @Slot(int)
    def _on_trashed(self, conversation: int) -> None:
        writing = self._replies.writing_in(conversation)
        if writing is not None:
            self._replies.stop(writing)
        if conversation == self.conversation_id:
            self.new_chat()
