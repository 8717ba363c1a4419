"""How the database is opened: made, brought up to date, tidied after a crash."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.core.errors import StoreTooNew
from app.storage import index
from app.storage.database import Database
from app.storage.schema import STEPS


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
    """Open the file at `path`, making or mending it as needed."""
    database = Database.connect(path)
    try:
        _upgrade(database)
        interrupted = _stop_interrupted(database) if is_owner else 0
    except BaseException:
        database.close()
        raise
    return database, Opening(interrupted)


def _upgrade(database: Database) -> None:
    found = database.value("PRAGMA user_version")
    if found > len(STEPS):
        raise StoreTooNew(database.path, found, len(STEPS))
    for number in range(found + 1, len(STEPS) + 1):
        with database.writing():
            for statement in STEPS[number - 1]:
                database.run(statement)
            database.run(f"PRAGMA user_version = {number}")


def _stop_interrupted(database: Database) -> int:
    with database.writing():
        writing = database.rows("SELECT id, text FROM message WHERE state = 'writing'")
        for row in writing:
            index.add_message(database, row["id"], row["text"])
        database.run("UPDATE message SET state = 'stopped' WHERE state = 'writing'")
    return len(writing)
