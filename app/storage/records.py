"""Rows of the tables as the program's data, and back."""

from __future__ import annotations

import dataclasses
import datetime
import json
import time
from typing import Any

from app.core.conversation import Conversation, ConversationLine, Message, MessageState
from app.core.generation import FinishReason, ReplyStats, Role, SamplingOptions
from app.storage.database import Row

CONVERSATION = """
    id, title, is_titled_by_user, created, updated, is_pinned, trashed, leaf, system_prompt,
    options, draft, model
"""
MESSAGE = """
    m.id, m.conversation, m.parent, m.role, m.text, m.state, m.created, m.model, m.options, m.finish,
    m.prompt_tokens, m.cached_tokens, m.reply_tokens, m.prompt_seconds, m.reply_seconds,
    m.failure, m.hint, m.is_pinned,
    (SELECT count(*) FROM message s
        WHERE s.parent IS m.parent AND s.conversation = m.conversation) AS siblings,
    (SELECT count(*) FROM message s
        WHERE s.parent IS m.parent AND s.conversation = m.conversation AND s.id <= m.id) AS position,
    (SELECT max(s.id) FROM message s
        WHERE s.parent IS m.parent AND s.conversation = m.conversation AND s.id < m.id) AS sibling_before,
    (SELECT min(s.id) FROM message s
        WHERE s.parent IS m.parent AND s.conversation = m.conversation AND s.id > m.id) AS sibling_after
"""

_LAST = 253_370_764_799_000  # milliseconds since 1970: the end of 9998, so that every time zone has it


def now() -> int:
    """Return the time in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def moment(milliseconds: int) -> datetime.datetime:
    """Return a stored time, in UTC; one that no calendar has becomes the nearest that it has."""
    return datetime.datetime.fromtimestamp(min(max(milliseconds, 0), _LAST) / 1000, datetime.UTC)


def line(row: Row) -> ConversationLine:
    """Return a chat as a line of the list, from a row of id, title, updated, is_pinned."""
    id, title, updated, is_pinned = row  # by place: there may be thousands
    return ConversationLine(id, title, moment(updated), bool(is_pinned))


def conversation(row: Row) -> Conversation:
    """Return a chat from a row of the columns `CONVERSATION`."""
    return Conversation(
        id=row["id"],
        title=row["title"],
        is_titled_by_user=bool(row["is_titled_by_user"]),
        created=moment(row["created"]),
        updated=moment(row["updated"]),
        is_pinned=bool(row["is_pinned"]),
        trashed=None if row["trashed"] is None else moment(row["trashed"]),
        leaf=row["leaf"],
        system_prompt=row["system_prompt"],
        options=options_from(row["options"]),
        draft=row["draft"],
        model=row["model"],
    )


def message(row: Row) -> Message:
    """Return a message from a row of the columns `MESSAGE`."""
    has_stats = row["reply_tokens"] is not None
    return Message(
        id=row["id"],
        conversation=row["conversation"],
        parent=row["parent"],
        role=Role(row["role"]),
        text=row["text"],
        state=MessageState(row["state"]),
        created=moment(row["created"]),
        model=row["model"],
        options=options_from(row["options"]),
        stats=ReplyStats(
            row["prompt_tokens"] or 0,
            row["cached_tokens"] or 0,
            row["reply_tokens"],
            row["prompt_seconds"] or 0.0,
            row["reply_seconds"] or 0.0,
        )
        if has_stats
        else None,
        finish=None if row["finish"] is None else FinishReason(row["finish"]),
        failure=row["failure"],
        hint=row["hint"],
        pinned=bool(row["is_pinned"]),
        position=row["position"],
        siblings=row["siblings"],
        sibling_before=row["sibling_before"],
        sibling_after=row["sibling_after"],
    )


def options_text(options: SamplingOptions | None) -> str | None:
    """Return the options as JSON; None stays None."""
    return None if options is None else json.dumps(dataclasses.asdict(options))


def options_from(text: str | None) -> SamplingOptions | None:
    """Read the options back. Those this version does not know, or cannot use, get their usual values."""
    if text is None:
        return None
    try:
        raw = json.loads(text)
    except ValueError:
        return None
    if not isinstance(raw, dict):
        return None
    usual = SamplingOptions()
    known = {field.name: getattr(usual, field.name) for field in dataclasses.fields(usual)}
    kept: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in raw.items()
        if name in known and _fits(value, known[name])
    }
    return dataclasses.replace(usual, **kept)


def _fits(value: object, usual: object) -> bool:
    if isinstance(usual, tuple):
        return isinstance(value, list) and all(isinstance(text, str) for text in value)
    if usual is None or type(usual) is int:  # a whole number, or unset
        return type(value) is int or (value is None and usual is None)
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def storable(text: str) -> str:
    """Return `text` as SQLite can keep it: half a character, as some input methods send, becomes �."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
