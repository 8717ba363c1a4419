"""The open chat: sending, stopping, and every way to go on from what was said."""

from __future__ import annotations

import datetime
from dataclasses import replace

from PySide6.QtCore import QObject, Signal, Slot

from app.controllers.chats import ChatsController
from app.controllers.lane import Lane
from app.controllers.meter import Meter
from app.controllers.models import ModelsController
from app.controllers.notices import Notices
from app.controllers.replies import Replies
from app.controllers.settings import SettingsController
from app.core.conversation import Conversation, Message
from app.core.errors import AppError, NoModelLoaded
from app.core.generation import ReplyRequest, Role, SamplingOptions, Turn
from app.engine.backend import Backend
from app.storage.store import Store

OPEN = "open conversation"  # key of the store's state: the chat to show at the next start
DRAFT = "draft of a new chat"


class ChatController(QObject):
    """The chat on the screen. A new one is stored with its first message; its draft already before.

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
        self._settings = settings
        self._notices = notices
        self._conversation: Conversation | None = None
        self._branch: list[Message] = []
        self._draft = ""
        self._was_replying = False
        self._meter = Meter(lane, backend, self._next_turns, lambda: replies.is_busy, self)
        self._meter.counted.connect(self.usage_changed)
        self._meter.view_begins.connect(self.view_begins_changed)
        replies.text_arrived.connect(self._on_text_arrived)
        replies.progress_changed.connect(self._on_progress)
        replies.view_began.connect(self._on_view_began)
        replies.ended.connect(self._on_reply_ended)
        models.model_changed.connect(self._on_model_changed)
        models.load_progressed.connect(self._on_load_progressed)
        settings.changed.connect(self._on_settings_changed)
        chats.renamed.connect(self._on_renamed)
        chats.trashed.connect(self._on_trashed)
        chats.restored.connect(self.open)
        chats.purged.connect(self._on_trashed)

    @property
    def conversation_id(self) -> int | None:
        """The open chat; None for a new one that has no message yet."""
        return self._conversation.id if self._conversation is not None else None

    @property
    def is_replying(self) -> bool:
        """Whether a reply is being written in the open chat."""
        return self._reply() is not None

    @property
    def details(self) -> tuple[str, SamplingOptions | None]:
        """The open chat's system prompt, and its sampling options (None: those of the settings)."""
        if self._conversation is None:
            return self._settings.settings.text("system_prompt"), None
        return self._conversation.system_prompt, self._conversation.options

    # --- which chat is open

    @Slot()
    def reopen(self) -> None:
        """Show the chat that was open when the program ended, or a new one."""
        last = self._store.state(OPEN)
        if last.isdecimal():
            try:
                conversation = self._store.conversation(int(last))
            except KeyError:
                pass  # deleted meanwhile, by the terminal perhaps
            else:
                if conversation.trashed is None:
                    self.open(conversation.id)
                    return
        self.new_chat()

    @Slot()
    def new_chat(self) -> None:
        """Show a new, empty chat."""
        self._conversation, self._branch = None, []
        with self._notices.telling():
            self._store.set_state(OPEN, "")
        self._draft = self._store.state(DRAFT)
        self._show()

    @Slot(int)
    @Slot(int, object)
    def open(self, conversation: int, message: int | None = None) -> None:
        """Show a chat; if `message` is given, the branch it is on, scrolled to it."""
        if conversation != self.conversation_id or message is not None:
            with self._notices.telling():
                if message is not None and all(m.id != message for m in self._store.branch(conversation)):
                    self._store.choose_sibling(message)
                self._conversation = self._store.conversation(conversation)
                self._store.set_state(OPEN, str(conversation))
                self._draft = self._conversation.draft
                self._read_branch()
                self._show()
        if message is not None:
            self.message_revealed.emit(message)

    def _show(self) -> None:
        conversation = self._conversation or _new_conversation(self._draft)
        self.opened.emit(conversation, self._branch)
        self.title_changed.emit(conversation.title)
        self.details_changed.emit(*self.details)
        self.draft_changed.emit(self._draft)
        self.view_begins_changed.emit(None)
        self._tell_replying(always=True)
        self._meter.turns_changed()

    def _read_branch(self) -> None:
        assert self._conversation is not None
        self._conversation = self._store.conversation(self._conversation.id)
        self._branch = [self._replies.newest(m) for m in self._store.branch(self._conversation.id)]

    # --- talking

    @Slot(str)
    def send(self, text: str) -> None:
        """Add the user's message at the end of the branch and have it answered."""
        if not text.strip() or self.is_replying:
            self.draft_changed.emit(text)
            return
        parent = self._branch[-1].id if self._branch else None
        if self._exchange(text, parent):
            for message in self._branch[-2:]:
                self.message_added.emit(message)
            self._begin_reply()
        else:
            self.draft_changed.emit(text)

    @Slot(int, str)
    def edit(self, message: int, text: str) -> None:
        """Say something else in place of a message of the user's; the old one stays as a sibling."""
        old = self._message(message)
        if old is None or not text.strip():
            return
        self.stop()
        if self._exchange(text, old.parent):
            self.branch_changed.emit(self._branch)
            self._begin_reply()

    @Slot(int)
    def retry(self, message: int) -> None:
        """Have another reply written beside a reply."""
        old = self._message(message)
        if old is None or old.parent is None or not self._ensure_model():
            return
        self.stop()
        with self._notices.telling():
            self._store.add_reply(old.parent, model=self._models.name, options=self._options())
            self._read_branch()
            self.branch_changed.emit(self._branch)
            self._begin_reply()

    @Slot(int)
    def continue_reply(self, message: int) -> None:
        """Have the model go on where the last reply was cut."""
        if not self._branch or self._branch[-1].id != message or self.is_replying or not self._ensure_model():
            return
        with self._notices.telling():
            self._store.reopen_reply(message)
            self._read_branch()
            self.message_changed.emit(self._branch[-1])
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
            self._read_branch()
            self.branch_changed.emit(self._branch)
            self._tell_replying()
            self._meter.turns_changed()

    def _exchange(self, text: str, parent: int | None) -> bool:
        """Store the user's message and the empty reply below it; whether that worked."""
        if not self._ensure_model():
            return False
        try:
            if self._conversation is None:
                self._conversation = self._store.new_conversation(
                    system_prompt=self._settings.settings.text("system_prompt")
                )
                self._store.set_state(OPEN, str(self._conversation.id))
            self._store.add_exchange(
                self._conversation.id,
                text,
                parent=parent,
                model=self._models.name,
                options=self._options(),
            )
            self._draft = ""
            self._store.set_state(DRAFT, "")
            self._title_automatically(text)
            self._read_branch()
        except AppError as error:
            self._notices.tell(error)
            return False
        self._chats.refresh()
        return True

    def _title_automatically(self, text: str) -> None:
        assert self._conversation is not None
        if not self._conversation.title and not self._conversation.is_titled_by_user:
            from app.core.titles import title_from  # noqa: PLC0415  its patterns take 6 ms at each start

            title = title_from(text)
            self._store.rename(self._conversation.id, title, by_user=False)
            self.title_changed.emit(title)

    def _begin_reply(self) -> None:
        reply = self._branch[-1]
        self._models.ensure_loaded()
        self._replies.start(
            reply, ReplyRequest(self._turns(self._branch[:-1]), self._options(), prefill=reply.text)
        )
        self._tell_replying()
        self._meter.turns_changed()

    def _ensure_model(self) -> bool:
        if self._models.has_candidate:
            return True
        self._notices.tell(NoModelLoaded())
        return False

    def _options(self) -> SamplingOptions:
        options = self._conversation.options if self._conversation is not None else None
        return options or self._settings.settings.sampling()

    def _turns(self, messages: list[Message]) -> tuple[Turn, ...]:
        """What the model is given: the system prompt, and each message that says something."""
        system_prompt, _ = self.details
        system = [Turn(Role.SYSTEM, system_prompt)] if system_prompt.strip() else []
        said = [Turn(m.role, m.text, m.id, m.pinned) for m in messages if m.text.strip()]
        return (*system, *said)

    def _next_turns(self) -> tuple[Turn, ...]:
        draft = [Turn(Role.USER, self._draft)] if self._draft.strip() else []
        return (*self._turns(self._branch), *draft)

    # --- the chat's own things

    @Slot(str)
    def edit_draft(self, text: str) -> None:
        """Keep what the user has typed but not sent."""
        if text == self._draft:
            return
        self._draft = text
        try:
            if self._conversation is None:
                self._store.set_state(DRAFT, text)
            else:
                self._store.save_draft(self._conversation.id, text)
        except AppError as error:
            self._notices.saving_failed(error)
        else:
            if not self._replies.is_unsaved:
                self._notices.saving_works()
        self._meter.turns_changed()

    @Slot(str)
    def rename(self, title: str) -> None:
        """Give the open chat a title; a new one is stored with it."""
        if self._conversation is None and title.strip():
            with self._notices.telling():
                self._store_new(self._settings.settings.text("system_prompt"))
        if self._conversation is not None:
            self._chats.rename(self._conversation.id, title)

    def _store_new(self, system_prompt: str) -> None:
        """Store the new chat before it has a message, with its draft."""
        new = self._conversation = self._store.new_conversation(system_prompt=system_prompt)
        self._store.save_draft(new.id, self._draft)
        self._store.set_state(DRAFT, "")
        self._store.set_state(OPEN, str(new.id))

    @Slot(str, object)
    def set_details(self, system_prompt: str, options: SamplingOptions | None) -> None:
        """Give the open chat a system prompt and sampling options of its own."""
        with self._notices.telling():
            if self._conversation is None:
                self._store_new(system_prompt)
            assert self._conversation is not None
            self._store.set_system_prompt(self._conversation.id, system_prompt)
            self._store.set_options(self._conversation.id, options)
            self._conversation = self._store.conversation(self._conversation.id)
            self._chats.refresh()
        self.details_changed.emit(*self.details)
        self._meter.turns_changed()

    # --- what happens

    def _message(self, message: int) -> Message | None:
        return next((m for m in self._branch if m.id == message), None)

    def _reply(self) -> int | None:
        if self._conversation is None:
            return None
        return self._replies.writing_in(self._conversation.id)

    def _tell_replying(self, *, always: bool = False) -> None:
        if always or self.is_replying != self._was_replying:
            self._was_replying = self.is_replying
            self.replying_changed.emit(self._was_replying)

    @Slot(int, str)
    def _on_text_arrived(self, message: int, text: str) -> None:
        if self._branch and self._branch[-1].id == message:
            self._branch[-1] = self._replies.newest(self._branch[-1])
            self.text_arrived.emit(message, text)

    @Slot(int, str)
    def _on_progress(self, message: int, words: str) -> None:
        if self._message(message) is not None:
            self.progress_changed.emit(message, words)

    @Slot(str, float)
    def _on_load_progressed(self, name: str, fraction: float) -> None:
        reply = self._reply()
        if reply is not None and fraction > 0:  # at 0 the load may wait for this very reply
            words = self.tr("Loading {name}: {percent} %")
            self.progress_changed.emit(reply, words.format(name=name, percent=round(fraction * 100)))

    @Slot(int, object)
    def _on_view_began(self, reply: int, first: object) -> None:
        if self._message(reply) is not None:
            self.view_begins_changed.emit(first)

    @Slot(object)
    def _on_reply_ended(self, message: Message) -> None:
        for index, old in enumerate(self._branch):
            if old.id == message.id:
                self._branch[index] = message
                self.message_changed.emit(message)
        self._tell_replying()
        self._chats.refresh()
        self._meter.turns_changed()

    @Slot(object)
    def _on_model_changed(self, _model: object) -> None:
        self._meter.turns_changed()

    @Slot(object)
    def _on_settings_changed(self, _settings: object) -> None:
        if self._conversation is None:
            self.details_changed.emit(*self.details)

    @Slot(int, str)
    def _on_renamed(self, conversation: int, title: str) -> None:
        if conversation == self.conversation_id:
            assert self._conversation is not None
            self._conversation = replace(self._conversation, title=title, is_titled_by_user=True)
            self.title_changed.emit(title)

    @Slot(int)
    def _on_trashed(self, conversation: int) -> None:
        writing = self._replies.writing_in(conversation)
        if writing is not None:
            self._replies.stop(writing)
        if conversation == self.conversation_id:
            self.new_chat()


def _new_conversation(draft: str) -> Conversation:
    """A chat as it is before its first message is stored."""
    now = datetime.datetime.now(datetime.UTC)
    return Conversation(
        id=0,
        title="",
        is_titled_by_user=False,
        created=now,
        updated=now,
        is_pinned=False,
        trashed=None,
        leaf=None,
        system_prompt="",
        options=None,
        draft=draft,
        model="",
    )
