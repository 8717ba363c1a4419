"""What the window says about a message besides its text."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from app.core.conversation import Message, MessageState
from app.core.generation import FinishReason, Role

_tr = QCoreApplication.translate


def grouped(number: int) -> str:
    """Return a number with thin spaces between its thousands."""
    return f"{number:,}".replace(",", "\u202f")


def author(message: Message) -> str:
    """Return who wrote it."""
    if message.role is Role.USER:
        return _tr("Message", "You")
    return message.model or _tr("Message", "Model")


def can_continue(message: Message) -> bool:
    """Return whether a reply was cut and can go on."""
    if message.role is not Role.ASSISTANT:
        return False
    if message.state in (MessageState.STOPPED, MessageState.FAILED):
        return bool(message.text)
    return message.state is MessageState.DONE and message.finish is FinishReason.LENGTH


def state_line(message: Message) -> str:
    """Return what became of it, where that is not simply "done"."""
    if message.state is MessageState.STOPPED:
        return _tr("Message", "Stopped")
    if message.state is MessageState.FAILED:
        return " ".join(filter(None, (message.failure or _tr("Message", "The reply failed."), message.hint)))
    if message.state is MessageState.DONE and message.finish is FinishReason.LENGTH:
        return _tr("Message", "Cut at the length limit")
    if message.state is MessageState.DONE and message.role is Role.ASSISTANT and not message.text.strip():
        return _tr("Message", "The model had nothing to say")
    return ""


def figures(message: Message) -> list[str]:
    """Return the speed and the counts of a reply, the one that says most first."""
    stats = message.stats
    if stats is None or message.role is not Role.ASSISTANT:
        return []
    parts = []
    speed = stats.tokens_per_second
    if speed:
        number = f"{speed:.1f}" if speed < 100 else grouped(round(speed))
        parts.append(_tr("Message", "{0} tokens/s").format(number))
    parts.append(_tr("Message", "{0} tokens").format(grouped(stats.reply_tokens)))
    parts.append(_tr("Message", "{0} read").format(grouped(stats.prompt_tokens)))
    return parts


def joined(parts: list[str]) -> str:
    """Return several short things as one line."""
    return "  ·  ".join(parts)
