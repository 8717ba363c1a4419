"""Bringing the tables of a file up to date, one numbered step after the other."""

from __future__ import annotations

import datetime
from pathlib import Path

from app.core.errors import AppError, StoreDamaged, StoreTooNew
from app.storage.database import Database
from app.storage.schema import APPLICATION_ID, STEPS

COPIES_KEPT = 3
_ESSENTIAL = {"conversation", "message", "message_words", "title_words", "model", "fact"}
_MAGIC = b"SQLite format 3\0"


def refuse_newer(path: Path) -> None:
    """Raise `StoreTooNew` if a newer version wrote the file; it is only read, not opened by SQLite.

    Format: sqlite.org/fileformat2.html, "The Database Header".
    """
    if not path.is_file():
        return
    with path.open("rb") as file:
        header = file.read(100)
    version = int.from_bytes(header[60:64], "big")
    is_ours = header.startswith(_MAGIC) and int.from_bytes(header[68:72], "big") == APPLICATION_ID
    if is_ours and version > len(STEPS):
        raise StoreTooNew(path, version, len(STEPS))


def upgrade(database: Database, *, is_owner: bool = True) -> None:
    """Run the steps the file has not had yet, each in a transaction, after making a copy of the file.

    Raises `StoreTooNew`, `StoreDamaged` if these are not our tables, and `AppError` if another process is at
    work on a file that would need upgrading.
    """
    found = database.value("PRAGMA user_version")
    if found > len(STEPS):
        raise StoreTooNew(database.path, found, len(STEPS))
    tables = {row["name"] for row in database.rows("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if not (tables >= _ESSENTIAL if found else not tables):
        raise StoreDamaged(database.path)
    if found == len(STEPS):
        return
    if found and not is_owner:
        raise AppError(
            f"The chats in {database.path} are in use by an older version of Fireside.",
            "Close its window first.",
        )
    if found:
        _keep_copy(database, found)
    for number in range(found + 1, len(STEPS) + 1):
        with database.writing():
            if database.value("PRAGMA user_version") >= number:  # another process was faster
                continue
            for statement in STEPS[number - 1]:
                database.run(statement)
            database.run(f"PRAGMA user_version = {number}")


def _keep_copy(database: Database, version: int) -> None:
    path = database.path
    database.copy_to(path.with_name(f"{path.stem}-v{version}-{stamp()}{path.suffix}"))
    copies = sorted(path.parent.glob(f"{path.stem}-v*-*{path.suffix}"), key=lambda copy: copy.stat().st_mtime)
    for old in copies[:-COPIES_KEPT]:
        old.unlink()


def stamp() -> str:
    """Return the time as part of a file name, to the microsecond."""
    return datetime.datetime.now().strftime("%Y%m%d-%H%M%S-%f")
