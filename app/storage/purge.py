"""Deleting chats for good: no word of them stays in the file, its log, or the index.

The chats are gone at once. Their words are out of the index when it has been rewritten, which for a large one
takes seconds and so is done in small slices, also at the next start if the program ends before.
"""

from __future__ import annotations

from app.storage import index
from app.storage.database import Database

_FORGETTING = "forgetting"  # key of the fact that words are still in the index
_SLICE = 100  # pages of 4 KB


def purge(database: Database, ids: list[int]) -> None:
    """Delete these chats with all their messages. The file overwrites what is deleted (`secure_delete`)."""
    if not ids:
        return
    with database.writing():
        for id in ids:
            for row in database.rows(
                "SELECT id, text FROM message WHERE conversation = ? AND state != 'writing'", id
            ):
                index.take_message(database, row["id"], row["text"])
            title = database.value("SELECT title FROM conversation WHERE id = ?", id)
            index.change_title(database, id, title, "")
            database.run("UPDATE conversation SET leaf = NULL WHERE id = ?", id)
            database.run("DELETE FROM message WHERE conversation = ?", id)
            database.run("DELETE FROM conversation WHERE id = ?", id)
        index.begin_forgetting(database)
        database.run("INSERT OR REPLACE INTO fact (key, value) VALUES (?, '1')", _FORGETTING)


def forget(database: Database) -> bool:
    """Do a slice, some milliseconds, of what `purge` began; whether there is more to do."""
    if database.row("SELECT 1 FROM fact WHERE key = ?", _FORGETTING) is None:
        return False
    with database.writing():
        has_more = index.go_on_forgetting(database, _SLICE)
        if not has_more:
            database.run("DELETE FROM fact WHERE key = ?", _FORGETTING)
    if not has_more:
        database.run("PRAGMA wal_checkpoint(TRUNCATE)")  # older pages in the log still have the text
    return has_more
