"""The chat on the screen as it is kept: its branch, its draft, its own system prompt and options.

A new one is stored with its first message, or as soon as it has a thing of its own; its draft already before.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from dataclasses import replace

from app.core.conversation import Conversation, Message
from app.core.generation import Role, SamplingOptions, Turn
from app.core.settings import Settings
from app.storage.store import Store

_OPEN = "open conversation"  # key of the store's state: the chat to show at the next start
_DRAFT = "draft of a new chat"


class OpenChat:
    """What is read from the store about one chat, and what is written back.

    Attributes:
        branch: the messages of the open branch
        draft: what stands in the composer
    """

    def __init__(
        self, store: Store, settings: Callable[[], Settings], newest: Callable[[Message], Message]
    ) -> None:
        """`newest` gives a message as it is now, which the store learns a little later."""
        self._store = store
        self._settings = settings
        self._newest = newest
        self._stored: Conversation | None = None
        self.branch: list[Message] = []
        self.draft = ""

    # --- which one it is

    @property
    def id(self) -> int | None:
        """The chat's id; None for a new one that is not stored yet."""
        return self._stored.id if self._stored is not None else None

    @property
    def conversation(self) -> Conversation:
        """The chat; a new one has the id 0."""
        return self._stored or _unstored(self.draft)

    def last(self) -> int | None:
        """Return the chat that was open when the program ended, unless it is gone or in the trash."""
        last = self._store.state(_OPEN)
        if not last.isdecimal():
            return None
        try:
            conversation = self._store.conversation(int(last))
        except KeyError:  # deleted meanwhile, by the terminal perhaps
            return None
        return conversation.id if conversation.trashed is None else None

    def begin(self) -> None:
        """Become a new chat, with the draft one was left with."""
        self._stored, self.branch = None, []
        self.draft = self._store.state(_DRAFT)
        self._store.set_state(_OPEN, "")

    def open(self, conversation: int, message: int | None = None) -> None:
        """Become a stored chat; if `message` is given, on the branch it is on."""
        if message is not None and all(m.id != message for m in self._store.branch(conversation)):
            self._store.choose_sibling(message)
        self._stored = self._store.conversation(conversation)
        self.draft = self._stored.draft
        self.read()
        self._store.set_state(_OPEN, str(conversation))

    def read(self) -> None:
        """Read the chat and its open branch anew."""
        if self._stored is not None:
            self._stored = self._store.conversation(self._stored.id)
            self.branch = [self._newest(message) for message in self._store.branch(self._stored.id)]

    def store(self) -> int:
        """Store the chat if it is new, with its draft, and return its id."""
        if self._stored is None:
            new = self._store.new_conversation(system_prompt=self.details[0])
            self._store.save_draft(new.id, self.draft)
            self._store.set_state(_DRAFT, "")
            self._store.set_state(_OPEN, str(new.id))
            self._stored = self._store.conversation(new.id)
        return self._stored.id

    # --- what is said in it

    def message(self, message: int) -> Message | None:
        """Return a message of the open branch."""
        return next((m for m in self.branch if m.id == message), None)

    def replace(self, message: Message) -> bool:
        """Take a message of the open branch as it is now; whether it is there."""
        for index, old in enumerate(self.branch):
            if old.id == message.id:
                self.branch[index] = message
                return True
        return False

    def exchange(self, text: str, parent: int | None, model: str, *, is_draft: bool) -> str:
        """Store the user's message and the empty reply below it; return the chat's title if that is new.

        `is_draft`: the text is what stood in the composer, which is empty then.
        """
        conversation = self.store()
        draft = "" if is_draft else self.draft
        self._store.add_exchange(conversation, text, parent=parent, model=model, options=self.options)
        self.draft = draft
        if draft:  # the exchange has cleared it
            self._store.save_draft(conversation, draft)
        title = self._title_from(text)
        self.read()
        return title

    def _title_from(self, text: str) -> str:
        assert self._stored is not None
        if self._stored.title or self._stored.is_titled_by_user:
            return ""
        from app.core.titles import title_from  # noqa: PLC0415  its patterns take 6 ms at each start

        title = title_from(text)
        self._store.rename(self._stored.id, title, by_user=False)
        return title

    def turns(self, messages: Iterable[Message]) -> tuple[Turn, ...]:
        """Return what the model is given: the system prompt, and each message that says something."""
        system_prompt, _ = self.details
        system = [Turn(Role.SYSTEM, system_prompt)] if system_prompt.strip() else []
        said = [Turn(m.role, m.text, m.id, m.pinned) for m in messages if m.text.strip()]
        return (*system, *said)

    def next_turns(self) -> tuple[Turn, ...]:
        """Return what the model would be given if the draft were sent now."""
        draft = [Turn(Role.USER, self.draft)] if self.draft.strip() else []
        return (*self.turns(self.branch), *draft)

    # --- its own things

    @property
    def details(self) -> tuple[str, SamplingOptions | None]:
        """Its system prompt, and its sampling options (None: those of the settings)."""
        if self._stored is None:
            return self._settings().text("system_prompt"), None
        return self._stored.system_prompt, self._stored.options

    @property
    def options(self) -> SamplingOptions:
        """The sampling options in force."""
        return self.details[1] or self._settings().sampling()

    def save_draft(self, text: str) -> None:
        """Keep what stands in the composer."""
        self.draft = text
        if self._stored is None:
            self._store.set_state(_DRAFT, text)
        else:
            self._store.save_draft(self._stored.id, text)

    def set_details(self, system_prompt: str, options: SamplingOptions | None) -> None:
        """Give the chat a system prompt and sampling options of its own."""
        conversation = self.store()
        self._store.set_system_prompt(conversation, system_prompt)
        self._store.set_options(conversation, options)
        self._stored = self._store.conversation(conversation)

    def take_title(self, title: str) -> None:
        """Know the title that the user gave the chat."""
        if self._stored is not None:
            self._stored = replace(self._stored, title=title, is_titled_by_user=True)


def _unstored(draft: str) -> Conversation:
    """A chat as it is before it is stored."""
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
