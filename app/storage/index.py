"""Finding words in titles and messages.

Hits come newest first, not by a measure of relevance: SQLite then stops at the first `limit` of them, so a
word that stands in every message costs no more than a rare one.
"""

from __future__ import annotations

from app.core.conversation import SearchHit
from app.storage.database import Database, Row
from app.storage.records import moment
from app.storage.words import Query, cut

_TABLES = ("message_words", "title_words")


def add_message(database: Database, message: int, text: str) -> None:
    """Make a message that is no longer being written findable. Part of the caller's transaction."""
    database.run("INSERT INTO message_words (rowid, words) VALUES (?, ?)", message, cut(text))


def take_message(database: Database, message: int, text: str) -> None:
    """Take a message out again; `text` must be what was added."""
    _take(database, "message_words", message, text)


def change_title(database: Database, conversation: int, before: str, after: str) -> None:
    """Make a chat findable by its new title instead of the one before."""
    _take(database, "title_words", conversation, before)
    if after:
        database.run("INSERT INTO title_words (rowid, words) VALUES (?, ?)", conversation, cut(after))


def _take(database: Database, table: str, rowid: int, text: str) -> None:
    if text or table == "message_words":  # an empty title was never added
        database.run(f"INSERT INTO {table} ({table}, rowid, words) VALUES ('delete', ?, ?)", rowid, cut(text))


def begin_forgetting(database: Database) -> None:
    """Begin to rewrite the index without the words of what was taken out; until then they are in the file."""
    for table in _TABLES:
        _merge(database, table, -1)


def go_on_forgetting(database: Database, pages: int) -> bool:
    """Rewrite about that many more pages of the index; whether there is more to do."""
    results = [_merge(database, table, pages) for table in _TABLES]
    return any(results)


def _merge(database: Database, table: str, pages: int) -> bool:
    """Run FTS5's `merge`: a negative number begins to rewrite everything, positive ones go on with it.

    Whether there was anything to do: if not, the command itself is the only change that is counted.
    """
    before = database.changes
    database.run(f"INSERT INTO {table} ({table}, rank) VALUES ('merge', ?)", pages)
    return database.changes - before > 1


def rebuild(database: Database) -> None:
    """Make the index anew from the messages and titles."""
    for table in _TABLES:
        database.run(f"INSERT INTO {table} ({table}) VALUES ('delete-all')")
    for row in database.run("SELECT id, text FROM message WHERE state != 'writing'"):
        add_message(database, row["id"], row["text"])
    for row in database.rows("SELECT id, title FROM conversation WHERE title != ''"):
        change_title(database, row["id"], "", row["title"])


def search(database: Database, typed: str, limit: int) -> list[SearchHit]:
    """Return up to `limit` hits: titles first, then messages, each newest first. The trash is left out."""
    query = Query.of(typed)
    if not query.words or limit <= 0:
        return []
    titles = database.rows(
        """
        SELECT c.id, c.title, c.updated FROM title_words w JOIN conversation c ON c.id = w.rowid
        WHERE title_words MATCH ? AND c.trashed IS NULL ORDER BY c.updated DESC, c.id DESC LIMIT ?
        """,
        query.expression(),
        limit,
    )
    hits = [_in_title(query, row) for row in titles]
    messages = database.rows(
        """
        SELECT m.id AS message, m.text, c.id, c.title, c.updated
        FROM message_words w
            CROSS JOIN message m ON m.id = w.rowid
            CROSS JOIN conversation c ON c.id = m.conversation
        WHERE message_words MATCH ? AND c.trashed IS NULL ORDER BY w.rowid DESC LIMIT ?
        """,
        query.expression(),
        limit - len(hits),
    )
    return hits + [_in_message(query, row) for row in messages]


def _in_title(query: Query, row: Row) -> SearchHit:
    title = row["title"]
    return SearchHit(row["id"], None, title, title, query.spans(title), moment(row["updated"]))


def _in_message(query: Query, row: Row) -> SearchHit:
    snippet, spans = query.snippet(row["text"])
    return SearchHit(row["id"], row["message"], row["title"], snippet, spans, moment(row["updated"]))
