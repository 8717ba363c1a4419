"""The tables, as numbered steps from an empty file to today's form.

A released step is never changed; a change of the tables is a new step at the end, and the database of the
release before it goes into `tests/data/`. Columns are only ever appended to `conversation` and `message`:
rows of damaged files are recognized by the place of their columns (see `pages`).

Times are milliseconds since 1970, UTC. A message is in `message_words` exactly while its state is not
`writing`.
"""

from __future__ import annotations

from typing import TypeAlias

Step: TypeAlias = tuple[str, ...]  # whole statements, run in one transaction

APPLICATION_ID = 0x46697265  # "Fire": marks the file as ours

_FIRST: Step = (
    """
    CREATE TABLE conversation (
        id               INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used twice
        title            TEXT    NOT NULL DEFAULT '',
        is_titled_by_user INTEGER NOT NULL DEFAULT 0,
        created          INTEGER NOT NULL,
        updated          INTEGER NOT NULL,
        is_pinned        INTEGER NOT NULL DEFAULT 0,
        trashed          INTEGER,                            -- NULL: not in the trash
        leaf             INTEGER REFERENCES message (id),    -- where the open branch ends
        visits           INTEGER NOT NULL DEFAULT 0,         -- how often the leaf has changed
        model            TEXT    NOT NULL DEFAULT '',        -- path
        options          TEXT,                               -- JSON; NULL: as the settings say
        draft            TEXT    NOT NULL DEFAULT '',
        system_prompt    TEXT    NOT NULL DEFAULT ''
    ) STRICT
    """,
    # all that the list of chats shows, in its order: it is read without touching the table
    """
    CREATE INDEX conversation_list ON conversation (is_pinned DESC, updated DESC, id DESC, title, trashed)
        WHERE trashed IS NULL
    """,
    "CREATE INDEX conversation_leaf ON conversation (leaf)",  # for the check when messages are purged
    """
    CREATE TABLE message (
        id               INTEGER PRIMARY KEY AUTOINCREMENT,  -- rises with time
        conversation     INTEGER NOT NULL REFERENCES conversation (id),
        parent           INTEGER REFERENCES message (id) CHECK (parent < id),  -- so there are no circles
        role             TEXT    NOT NULL,
        state            TEXT    NOT NULL,
        created          INTEGER NOT NULL,
        is_pinned        INTEGER NOT NULL DEFAULT 0,
        visited          INTEGER NOT NULL DEFAULT 0,         -- the chat's `visits` when last the leaf
        model            TEXT    NOT NULL DEFAULT '',        -- name
        options          TEXT,                               -- JSON
        finish           TEXT,
        prompt_tokens    INTEGER,                            -- NULL, with the four below: not known
        cached_tokens    INTEGER,
        reply_tokens     INTEGER,
        prompt_seconds   REAL,
        reply_seconds    REAL,
        failure          TEXT    NOT NULL DEFAULT '',
        hint             TEXT    NOT NULL DEFAULT '',
        text             TEXT    NOT NULL DEFAULT ''         -- last: what is before it is read without it
    ) STRICT
    """,
    "CREATE INDEX message_parent ON message (parent, conversation)",
    "CREATE INDEX message_conversation ON message (conversation)",
    "CREATE INDEX message_writing ON message (id) WHERE state = 'writing'",
    # Words of messages and titles; rowid is the id. They hold no text of their own (content=''). One to three
    # letters, and single Chinese characters, are found as prefixes, so these have lists of their own.
    """
    CREATE VIRTUAL TABLE message_words USING fts5 (
        words, content='', columnsize=0, prefix='1 2 3', tokenize='unicode61 remove_diacritics 2'
    )
    """,
    """
    CREATE VIRTUAL TABLE title_words USING fts5 (
        words, content='', columnsize=0, prefix='1 2 3', tokenize='unicode61 remove_diacritics 2'
    )
    """,
    """
    CREATE TABLE model (
        path             TEXT    PRIMARY KEY,
        is_added         INTEGER NOT NULL DEFAULT 0,         -- added in place by the user
        used             INTEGER NOT NULL DEFAULT 0          -- rises with each use; 0: never
    ) STRICT
    """,
    "CREATE TABLE fact (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
    f"PRAGMA application_id = {APPLICATION_ID}",
)

STEPS: tuple[Step, ...] = (_FIRST,)
