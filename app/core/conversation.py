"""What people and models said: conversations as trees of messages."""

from __future__ import annotations

import datetime
import enum
from dataclasses import dataclass

from app.core.generation import FinishReason, ReplyStats, Role, SamplingOptions


class MessageState(enum.StrEnum):
    """How far a message is."""

    WRITING = "writing"  # a model is at it, or was when the program died
    DONE = "done"
    STOPPED = "stopped"  # by the user or a crash; the text so far is kept
    FAILED = "failed"  # by an error, which the message names; the text so far is kept


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the open branch."""

    id: int
    conversation: int
    parent: int | None
    role: Role
    text: str
    state: MessageState
    created: datetime.datetime  # UTC
    model: str = ""  # name of the model that wrote it
    options: SamplingOptions | None = None  # with which it was written
    stats: ReplyStats | None = None
    finish: FinishReason | None = None
    failure: str = ""  # the sentence, where it failed
    hint: str = ""
    pinned: bool = False
    position: int = 1  # among its siblings, from 1, oldest first
    siblings: int = 1  # how many there are, itself included
    sibling_before: int | None = None  # ids of its neighbours among them
    sibling_after: int | None = None

    @property
    def is_cut(self) -> bool:
        """Whether this is a reply that ended before the model was done, so that it can be continued."""
        if self.role is not Role.ASSISTANT or self.state is MessageState.WRITING:
            return False
        return self.state is not MessageState.DONE or self.finish is FinishReason.LENGTH


@dataclass(frozen=True, slots=True)
class Conversation:
    """A chat, without its messages."""

    id: int
    title: str
    is_titled_by_user: bool
    created: datetime.datetime  # UTC
    updated: datetime.datetime  # UTC
    is_pinned: bool
    trashed: datetime.datetime | None  # UTC
    leaf: int | None  # the message at which the open branch ends
    system_prompt: str
    options: SamplingOptions | None  # None: as the settings say
    draft: str
    model: str  # path of the model chosen for this chat; empty: whichever is loaded


@dataclass(frozen=True, slots=True)
class ConversationLine:
    """A chat as a line of the list."""

    id: int
    title: str
    updated: datetime.datetime  # UTC
    is_pinned: bool


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A place where the searched words stand."""

    conversation: int
    message: int | None  # None: the hit is in the title
    title: str
    snippet: str  # one line of the message around the hit; the title itself for a title
    spans: tuple[tuple[int, int], ...]  # where in the snippet the words stand: [start, end) in characters
    updated: datetime.datetime  # of the conversation, UTC
