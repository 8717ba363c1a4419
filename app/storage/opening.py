"""How the database is opened: made, checked after a crash, brought up to date, mended if it is damaged."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from app.core.errors import AppError, DiskFull, StoreDamaged, StoreUnwritable
from app.storage import index
from app.storage.database import Database, in_words, read_only
from app.storage.salvage import salvage
from app.storage.upgrade import refuse_newer, stamp, upgrade

log = logging.getLogger(__name__)

_IN_USE = "storage.in_use"  # the fact that stands in the file while it is open, and after a crash
_SMALLEST = 512  # bytes: of a page
_PARTS = ("", "-wal", "-shm")  # the files a database consists of


@dataclass(frozen=True, slots=True)
class Damage:
    """A damaged file was set aside, and this was recovered from it."""

    set_aside: Path  # the damaged file
    recovered_conversations: int
    recovered_messages: int
    sentence: str  # for the user: where both files are
    hint: str


@dataclass(frozen=True, slots=True)
class Opening:
    """What happened when the store was opened."""

    interrupted: int = 0  # replies that were being written when the program died; now stopped
    damage: Damage | None = None


def open_database(path: Path, *, is_owner: bool) -> tuple[Database, Opening]:
    """Open the file at `path`, making or mending it as needed.

    Raises `StoreTooNew`, `DiskFull`, `StoreUnwritable`; without `is_owner` nothing is mended, and
    `StoreDamaged` is raised instead.
    """
    damage = None
    try:
        if is_owner:
            _finish_mending(path)
        refuse_newer(path)
        database, interrupted = _open(path, is_owner)
    except StoreDamaged:
        if not is_owner:
            raise
        try:
            damage = _mend(path)
        except OSError as error:
            raise in_words(error, path) from error
        database, interrupted = _open(path, is_owner)
    except OSError as error:
        raise in_words(error, path) from error
    return database, Opening(interrupted, damage)


def close_database(database: Database, *, is_owner: bool) -> None:
    """Close the file, and note that all was well, unless a part could not be read."""
    if is_owner and not database.is_damaged:
        try:
            with database.writing(is_durable=False):
                database.run("DELETE FROM fact WHERE key = ?", _IN_USE)
        except AppError:
            log.warning("could not note that the database was closed; it is checked at the next start")
    database.close()


def check_file(path: Path) -> str:
    """Return what is wrong with the file at `path`, empty if nothing is.

    It has a connection of its own, so it may run in another thread while the store is open.
    A missing file is well.
    """
    if not os.path.exists(path):
        return ""
    try:
        with contextlib.closing(read_only(path)) as connection:
            found = [row[0] for row in connection.execute("PRAGMA quick_check(10)")]
    except sqlite3.Error as error:
        return str(error)
    return "" if found == ["ok"] else "; ".join(found)


def _open(path: Path, is_owner: bool) -> tuple[Database, int]:
    if path.is_dir() or _is_stump(path) or _has_log_only(path):
        raise StoreDamaged(path)
    database = Database.connect(path)
    try:
        upgrade(database, is_owner=is_owner)
        interrupted = _take_over(database) if is_owner else 0
    except BaseException:
        database.close()
        raise
    return database, interrupted


def _is_stump(path: Path) -> bool:
    """Whether the file is shorter than any database: SQLite would take it for a new one."""
    return path.exists() and 0 < path.stat().st_size < _SMALLEST


def _has_log_only(path: Path) -> bool:
    """Whether the file is gone or empty and its log is not: SQLite would delete the log."""
    wal = path.with_name(path.name + "-wal")
    is_empty = not path.exists() or path.stat().st_size == 0
    return is_empty and wal.exists() and wal.stat().st_size > 0


def _take_over(database: Database) -> int:
    """Check the file if the last program died, stop its replies, and note that it is in use."""
    if database.value("SELECT value FROM fact WHERE key = ?", _IN_USE) is not None:
        found = [row[0] for row in database.rows("PRAGMA quick_check(10)")]
        if found != ["ok"]:
            log.error("the database is damaged: %s", "; ".join(found))
            raise StoreDamaged(database.path)
    writing = database.rows("SELECT id, text FROM message WHERE state = 'writing'")
    try:
        with database.writing(is_durable=False):
            database.run("INSERT OR REPLACE INTO fact VALUES (?, '1')", _IN_USE)
            for row in writing:
                index.add_message(database, row["id"], row["text"])
            database.run("UPDATE message SET state = 'stopped' WHERE state = 'writing'")
    except (DiskFull, StoreUnwritable) as error:
        if writing:
            raise
        log.warning("opened without being able to write: %s", error)  # the chats can still be read
    return len(writing)


def _mend(path: Path) -> Damage:
    """Recover what can be read into a new file, and set the damaged one aside.

    In this order, so that whenever the program dies the chats are under a name looked for at the start.
    """
    part, done = _neighbor(path, "-recovering"), _neighbor(path, "-recovered")
    for stale in (part, done):
        for suffix in _PARTS:
            stale.with_name(stale.name + suffix).unlink(missing_ok=True)
    chats, messages = salvage(path, part)
    os.replace(part, done)
    set_aside = _neighbor(path, f"-damaged-{stamp()}")
    _move(path, set_aside, _PARTS)
    _finish_mending(path)
    log.error("a damaged database was set aside; %d chats and %d messages recovered", chats, messages)
    return Damage(
        set_aside,
        chats,
        messages,
        f"The file with the chats was damaged. {messages:,} messages in {chats:,} chats were recovered.",
        f"They are in {path}. The damaged file is kept as {set_aside}.",
    )


def _finish_mending(path: Path) -> None:
    done = _neighbor(path, "-recovered")
    if done.exists() and not path.exists():
        # SQLite would write the damaged file's log into the new one
        _move(path, _neighbor(path, f"-damaged-{stamp()}"), _PARTS[1:])
        os.replace(done, path)


def _move(path: Path, to: Path, parts: tuple[str, ...]) -> None:
    for suffix in parts:
        here = path.with_name(path.name + suffix)
        if here.exists():
            os.replace(here, to.with_name(to.name + suffix))


def _neighbor(path: Path, addition: str) -> Path:
    return path.with_name(f"{path.stem}{addition}{path.suffix}")
