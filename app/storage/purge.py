"""Deleting chats for good: no word of them stays in the file, its log, or the index."""

from __future__ import annotations

from app.storage import index
from app.storage.database import Database


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
        index.forget_words(database)
    database.run("PRAGMA wal_checkpoint(TRUNCATE)")  # older pages in the log still have the text
