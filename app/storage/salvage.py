"""Recovering what can be read of a damaged file into a new one.

Rows are first asked of SQLite, around the places where it fails; then the pages are searched for rows it did
not give. No text is dropped because what is around it is lost: a message without its chat gets a chat, one
without its parent is put below the message before it.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

from app.core.conversation import MessageState
from app.core.generation import FinishReason, Role
from app.storage import index, pages, records
from app.storage.database import Database, read_only
from app.storage.upgrade import upgrade

TITLE = "Recovered chat"
_Record: TypeAlias = dict[str, Any]  # column: value
_MOST_FAILURES = 5_000  # of queries per table; what they did not find, the pages may have
_LATEST = 253_402_300_799_999  # the last millisecond a date can be
_ROLES, _STATES, _FINISHES = set(Role), set(MessageState), set(FinishReason)


def salvage(damaged: Path, into: Path) -> tuple[int, int]:
    """Make the database `into` of what can be read of `damaged`; return the number of its chats and messages.

    `damaged` is only read. Raises `DiskFull`, `StoreUnwritable`.
    """
    database = Database.connect(into)
    try:
        upgrade(database)
        columns = {table: _columns(database, table) for table in ("conversation", "message", "model", "fact")}
        found = _found(damaged, columns)
        with database.writing():
            _write(database, columns, found)
        database.run(
            "PRAGMA wal_checkpoint(TRUNCATE)"
        )  # all is in the one file, which is about to be renamed
        counts = [database.value(f"SELECT count(*) FROM {table}") for table in ("conversation", "message")]
        return counts[0], counts[1]
    finally:
        database.close()


def _columns(database: Database, table: str) -> dict[str, sqlite3.Row]:
    return {row["name"]: row for row in database.rows(f"PRAGMA table_info({table})")}


def _found(damaged: Path, columns: dict[str, dict[str, sqlite3.Row]]) -> dict[str, dict[int, _Record]]:
    """Return the rows of each table by their rowid."""
    found: dict[str, dict[int, _Record]] = {table: {} for table in columns}
    with contextlib.suppress(sqlite3.Error), contextlib.closing(read_only(damaged)) as connection:
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        for table, rows in found.items():
            for row in _asked(connection, table):
                rows[row["rowid_"]] = {name: row[name] for name in row.keys() if name in columns[table]}  # noqa: SIM118
    for rowid, values in pages.rows(damaged):
        table = _table_of(values)
        if table and rowid not in found[table]:
            found[table][rowid] = dict(zip(columns[table], values, strict=False))
    for table in ("conversation", "message"):
        for rowid, record in found[table].items():
            record["id"] = rowid
    return found


def _asked(connection: sqlite3.Connection, table: str) -> Iterator[sqlite3.Row]:
    """Yield the rows SQLite can read, halving the stretches in which it fails."""
    try:
        most = connection.execute(f"SELECT max(rowid) FROM {table}").fetchone()[0] or 0
    except sqlite3.Error:
        most = 1 << 24
    stretches, failures = [(1, most)], 0
    while stretches and failures < _MOST_FAILURES:
        first, last = stretches.pop()
        try:
            for row in connection.execute(
                f"SELECT rowid AS rowid_, * FROM {table} WHERE rowid BETWEEN ? AND ? ORDER BY rowid",
                (first, last),
            ):
                first = row["rowid_"] + 1
                yield row
        except sqlite3.Error:
            failures += 1
            if first < last:
                middle = (first + last) // 2
                stretches += [(middle + 1, last), (first, middle)]


def _table_of(values: list[pages.Value]) -> str:
    """Return which table a row is of, by its shape; empty: none that matters."""
    match values:
        case [None, int(), int() | None, str(role), str(state), int(), *rest] if len(rest) >= 12:
            return "message" if role in _ROLES and state in _STATES else ""
        case [None, str(), 0 | 1, int(), int(), 0 | 1, int() | None, int() | None, int(), *rest]:
            return "conversation" if len(rest) >= 2 else ""
        case [str(path), 0 | 1, int()]:
            return "model" if path.endswith(".gguf") else ""
    return ""


def _write(
    database: Database, columns: dict[str, dict[str, sqlite3.Row]], found: dict[str, dict[int, _Record]]
) -> None:
    messages = dict(sorted(found["message"].items()))
    chats = found["conversation"]
    newest: dict[tuple[int, str], int] = {}  # of each chat and role, among the messages so far
    for message in messages.values():
        _mend_message(message, messages, newest)
        newest[message["conversation"], message["role"]] = message["id"]
        if message["conversation"] not in chats:
            chats[message["conversation"]] = {
                "id": message["conversation"],
                "title": TITLE,
                "created": message.get("created"),
                "updated": message.get("created"),
            }
    leaves = _leaves(chats, messages)
    for chat in chats.values():
        chat["leaf"] = None
        for column in ("created", "updated"):
            chat[column] = _time(chat.get(column))
        _insert(database, "conversation", columns["conversation"], chat)
        index.change_title(database, chat["id"], "", chat["title"])
    for message in messages.values():
        _insert(database, "message", columns["message"], message)
        if message["state"] != MessageState.WRITING:
            index.add_message(database, message["id"], message["text"])
    for id, leaf in leaves.items():
        database.run("UPDATE conversation SET leaf = ? WHERE id = ?", leaf, id)
    for table in ("model", "fact"):
        for record in found[table].values():
            _insert(database, table, columns[table], record)


def _mend_message(message: _Record, messages: dict[int, _Record], newest: dict[tuple[int, str], int]) -> None:
    id, parent = message["id"], message.get("parent")
    if type(message.get("conversation")) is not int:
        message["conversation"] = 0
    message["created"] = _time(message.get("created"))
    if message.get("role") not in _ROLES:
        message["role"] = Role.ASSISTANT
    if message.get("state") not in _STATES:
        message["state"] = MessageState.STOPPED
    if message.get("finish") not in _FINISHES:
        message["finish"] = None
    if parent is None:
        return
    above = messages.get(parent) if parent < id else None
    if above is None or above.get("conversation") != message["conversation"]:
        before = [newest.get((message["conversation"], role)) for role in Role if role != message["role"]]
        message["parent"] = max((other for other in before if other is not None), default=None)


def _leaves(chats: dict[int, _Record], messages: dict[int, _Record]) -> dict[int, int]:
    """Return where the open branch of each chat ends: where it ended, else at the newest message."""
    newest: dict[int, int] = {}
    parents = {message.get("parent") for message in messages.values()}
    for id, message in messages.items():
        newest[message["conversation"]] = id
    for id, chat in chats.items():
        leaf = chat.get("leaf")
        if leaf in messages and messages[leaf]["conversation"] == id and leaf not in parents:
            newest[id] = leaf
    return newest


def _insert(database: Database, table: str, columns: dict[str, sqlite3.Row], record: _Record) -> None:
    """Add a row, with each value made to fit its column."""
    for name, column in columns.items():
        record[name] = _fitting(record.get(name), column)
    names = ", ".join(columns)
    marks = ", ".join("?" * len(columns))
    database.run(
        f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})", *(record[name] for name in columns)
    )


def _fitting(value: Any, column: sqlite3.Row) -> Any:
    kind = {"INTEGER": int, "REAL": float, "TEXT": str}[column["type"]]
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is kind or (isinstance(value, str) and kind is str):
        return value
    return kind() if column["notnull"] or column["pk"] else None


def _time(value: object) -> int:
    return value if type(value) is int and 0 <= value <= _LATEST else records.now()
