"""A conversation as a text: Markdown to read, JSON to keep everything."""

from __future__ import annotations

import dataclasses
import datetime
import json
import re
from collections.abc import Iterable
from typing import Any

from app.core.conversation import Conversation, Message, MessageState
from app.core.generation import ReplyStats, Role, SamplingOptions

FORMAT_VERSION = 1  # of the JSON; grows when the meaning of a field changes

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})", re.MULTILINE)


def to_markdown(conversation: Conversation, messages: Iterable[Message]) -> str:
    """Return the messages, in the order given, as one Markdown document that ends with a line break."""
    parts = [f"# {_one_line(conversation.title) or 'Chat'}", f"*{_time_shown(conversation.created)}*"]
    if conversation.system_prompt.strip():
        parts += ["## System prompt", _closed(conversation.system_prompt)]
    for message in messages:
        parts.append(f"## {_speaker(message)}")
        if message.text.strip():
            parts.append(_closed(message.text))
        if remark := _remark(message):
            parts.append(f"*{remark}*")
    return "\n\n".join(parts) + "\n"


def to_json(conversation: Conversation, messages: Iterable[Message]) -> str:
    """Return everything known about a conversation and the messages given, as JSON.

    Times are ISO 8601 in UTC; durations are in seconds. `parent` and `leaf` are ids of messages, so the whole
    tree may be given as well as one branch.
    """
    data = {
        "format": "fireside-conversation",
        "version": FORMAT_VERSION,
        "conversation": {
            "id": conversation.id,
            "title": conversation.title,
            "is_titled_by_user": conversation.is_titled_by_user,
            "created": _time(conversation.created),
            "updated": _time(conversation.updated),
            "is_pinned": conversation.is_pinned,
            "trashed": _time(conversation.trashed),
            "leaf": conversation.leaf,
            "system_prompt": conversation.system_prompt,
            "options": _options(conversation.options),
            "draft": conversation.draft,
            "model": conversation.model,
        },
        "messages": [_message(message) for message in messages],
    }
    return json.dumps(data, ensure_ascii=False, indent=2) + "\n"


def _message(message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "parent": message.parent,
        "role": message.role.value,
        "text": message.text,
        "state": message.state.value,
        "created": _time(message.created),
        "model": message.model,
        "options": _options(message.options),
        "stats": _stats(message.stats),
        "finish": message.finish.value if message.finish else None,
        "failure": message.failure,
        "hint": message.hint,
        "pinned": message.pinned,
        "position": message.position,
        "siblings": message.siblings,
    }


def _options(options: SamplingOptions | None) -> dict[str, Any] | None:
    return dataclasses.asdict(options) if options else None


def _stats(stats: ReplyStats | None) -> dict[str, Any] | None:
    return dataclasses.asdict(stats) if stats else None


def _time(moment: datetime.datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _time_shown(moment: datetime.datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")


def _speaker(message: Message) -> str:
    if message.role is Role.ASSISTANT:
        return _one_line(message.model) or "Assistant"
    return "You" if message.role is Role.USER else "System"


def _remark(message: Message) -> str:
    """Say how the message ended, if it did not end well."""
    if message.state is MessageState.FAILED:
        return f"Failed: {_one_line(message.failure)}" if message.failure else "Failed."
    if message.state is MessageState.STOPPED:
        return "Stopped."
    return "Not finished yet." if message.state is MessageState.WRITING else ""


def _closed(text: str) -> str:
    """Return the text with its last code block closed, so that it does not swallow what follows."""
    fence = ""
    for found in _FENCE.finditer(text):
        mark = found[1]
        if not fence:
            fence = mark
        elif mark[0] == fence[0] and len(mark) >= len(fence):
            fence = ""
    return text.strip("\n") + (f"\n{fence}" if fence else "")


def _one_line(text: str) -> str:
    return " ".join(text.split())
