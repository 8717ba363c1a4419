"""What can be done with a message."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication

from app.core import guide
from app.core.conversation import Message, MessageState
from app.core.generation import Role
from app.ui import message_words

_tr = QCoreApplication.translate


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that can be done with a message; one without a name only says something."""

    name: str
    words: str
    icon: str


def deeds_of(message: Message, is_last: bool, is_replying: bool) -> list[Deed]:
    """Return what can be done with a message now, in the order shown.

    `is_last`: it is the branch's last message; `is_replying`: a reply is being written in the chat.
    """
    result = []
    if message.sibling_before is not None and not is_replying:
        result.append(Deed("before", _tr("Message", "Previous version"), "left"))
    if message.siblings > 1:
        result.append(Deed("", f"{message.position} / {message.siblings}", ""))
    if message.sibling_after is not None and not is_replying:
        result.append(Deed("after", _tr("Message", "Next version"), "right"))
    if message.text:
        result.append(Deed("copy", _tr("Message", "Copy"), "copy"))
    if is_replying:
        return result
    if message.role is Role.USER:
        result.append(Deed("edit", _tr("Message", "Edit"), "edit"))
    if message.role is Role.ASSISTANT and message.state is not MessageState.WRITING:
        result.append(Deed("retry", _tr("Message", "Retry"), "retry"))
    if is_last and message_words.can_continue(message):
        result.append(Deed("continue", _tr("Message", "Continue"), "continue"))
    if message.role is Role.ASSISTANT and guide.is_beyond(message.model, message.text):
        result.append(Deed("models", _tr("Message", "Get a model that knows more"), "models"))
    return result
