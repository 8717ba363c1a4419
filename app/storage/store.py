"""The store: chats, their trees of messages, and the small facts the program remembers.

Every change is one transaction, finished when the method returns. What the user wrote is on the disk by then,
safe from a power cut too; a reply in the making is saved without waiting for the disk, because the next save
follows within a second.
"""

from __future__ import annotations

from pathlib import Path

from app.core.conversation import Conversation, ConversationLine, Message, MessageState, SearchHit
from app.core.generation import FinishReason, ReplyStats, Role, SamplingOptions
from app.storage import index, records
from app.storage.database import Database, Row
from app.storage.opening import Opening, close_database, open_database
from app.storage.purge import forget, purge


class Store:
    """All that is kept, in one file. For the main thread only.

    Every method that changes something may raise `DiskFull` or `StoreUnwritable`; then nothing was changed,
    and the same call may be made again. Every method may raise `StoreDamaged`.
    Methods given the id of a chat or a message raise `KeyError` if there is none.
    """

    def __init__(self, database: Database, opening: Opening, *, is_owner: bool = True) -> None:
        self.opening = opening
        self._database = database
        self._is_owner = is_owner
        self._is_open = True

    @classmethod
    def open(cls, path: Path, *, is_owner: bool = True) -> Store:
        """Open the file at `path`, making it if it is missing.

        With `is_owner` False (a second process) nothing is repaired, and unfinished replies are left alone.
        A damaged file is set aside and recovered, see `opening`. Raises `StoreTooNew`, `DiskFull`,
        `StoreUnwritable`; without `is_owner` also `StoreDamaged`.
        """
        return cls(*open_database(path, is_owner=is_owner), is_owner=is_owner)

    def close(self) -> None:
        """Close the file; the store cannot be used any more. Closing twice is no error."""
        if self._is_open:
            self._is_open = False
            close_database(self._database, is_owner=self._is_owner)

    def distrust(self) -> None:
        """Have the file checked, and mended if need be, at the next start: `check_file` found something."""
        self._database.is_damaged = True

    # chats

    def new_conversation(
        self, *, system_prompt: str = "", options: SamplingOptions | None = None, model: str = ""
    ) -> Conversation:
        """Make a chat without messages. `model` is the path of the model chosen for it."""
        now = records.now()
        with self._database.writing():
            made = self._database.run(
                """
                INSERT INTO conversation (created, updated, system_prompt, options, model)
                VALUES (?, ?, ?, ?, ?)
                """,
                *(now, now, records.storable(system_prompt), records.options_text(options), model),
            )
        assert made.lastrowid is not None
        return self.conversation(made.lastrowid)

    def conversation(self, id: int) -> Conversation:
        """Return a chat."""
        return records.conversation(self._conversation_row(id))

    def conversations(self) -> list[ConversationLine]:
        """Return the chats that are not in the trash: pinned ones first, then newest first."""
        rows = self._database.rows(
            """
            SELECT id, title, updated, is_pinned FROM conversation WHERE trashed IS NULL
            ORDER BY is_pinned DESC, updated DESC, id DESC
            """
        )
        return [records.line(row) for row in rows]

    def trashed(self) -> list[ConversationLine]:
        """Return the chats in the trash, last thrown away first."""
        rows = self._database.rows(
            """
            SELECT id, title, updated, is_pinned FROM conversation WHERE trashed IS NOT NULL
            ORDER BY trashed DESC, id DESC
            """
        )
        return [records.line(row) for row in rows]

    def rename(self, id: int, title: str, *, by_user: bool = True) -> None:
        """Give a chat a title. One given by the user is never replaced by one that is not."""
        before = self._conversation_row(id)
        if before["is_titled_by_user"] and not by_user:
            return
        title = records.storable(title)
        with self._database.writing():
            self._database.run(
                "UPDATE conversation SET title = ?, is_titled_by_user = ? WHERE id = ?", title, by_user, id
            )
            index.change_title(self._database, id, before["title"], title)

    def pin(self, id: int, is_pinned: bool) -> None:
        """Keep a chat at the top of the list, or no longer."""
        self._change_conversation(id, "is_pinned", is_pinned)

    def set_system_prompt(self, id: int, text: str) -> None:
        """Change what the model is told first in a chat."""
        self._change_conversation(id, "system_prompt", records.storable(text))

    def set_options(self, id: int, options: SamplingOptions | None) -> None:
        """Change a chat's own sampling options; None: as the settings say."""
        self._change_conversation(id, "options", records.options_text(options))

    def set_model(self, id: int, path: str) -> None:
        """Choose a model for a chat; empty: whichever is loaded."""
        self._change_conversation(id, "model", path)

    def save_draft(self, id: int, text: str) -> None:
        """Keep what stands in a chat's composer."""
        self._change_conversation(id, "draft", records.storable(text), is_durable=False)

    # the trash

    def trash(self, id: int) -> None:
        """Put a chat into the trash."""
        self._change_conversation(id, "trashed", records.now())

    def restore(self, id: int) -> None:
        """Take a chat out of the trash."""
        self._change_conversation(id, "trashed", None)

    def purge(self, id: int) -> None:
        """Delete a chat for good: its words are overwritten in the file, in the index by calls of `tidy`."""
        self._conversation_row(id)
        purge(self._database, [id])

    def empty_trash(self) -> int:
        """Delete all chats in the trash for good, and return how many there were."""
        rows = self._database.rows("SELECT id FROM conversation WHERE trashed IS NOT NULL")
        purge(self._database, [row["id"] for row in rows])
        return len(rows)

    def tidy(self) -> bool:
        """Do some milliseconds of what deleting for good left to do; whether there is more."""
        return forget(self._database)

    # messages

    def branch(self, id: int) -> list[Message]:
        """Return the open branch of a chat, from the first message to the current leaf."""
        self._conversation_row(id)
        rows = self._database.rows(
            f"""
            WITH RECURSIVE path (id, above, depth) AS (
                SELECT m.id, m.parent, 0 FROM conversation c JOIN message m ON m.id = c.leaf WHERE c.id = ?
                UNION ALL
                SELECT m.id, m.parent, depth + 1 FROM path JOIN message m ON m.id = path.above
            )
            SELECT {records.MESSAGE} FROM path JOIN message m ON m.id = path.id ORDER BY depth DESC
            """,
            id,
        )
        return [records.message(row) for row in rows]

    def messages(self, id: int) -> list[Message]:
        """Return every message of a chat, all branches, oldest first."""
        self._conversation_row(id)
        rows = self._database.rows(
            f"SELECT {records.MESSAGE} FROM message m WHERE m.conversation = ? ORDER BY m.id", id
        )
        return [records.message(row) for row in rows]

    def message(self, id: int) -> Message:
        """Return a message, whether it is in the open branch or not."""
        row = self._database.row(f"SELECT {records.MESSAGE} FROM message m WHERE m.id = ?", id)
        if row is None:
            raise KeyError(f"no message {id}")
        return records.message(row)

    def add_exchange(
        self, conversation: int, text: str, *, parent: int | None, model: str, options: SamplingOptions
    ) -> tuple[Message, Message]:
        """Keep the user's message below `parent` (None: the first), and open an empty reply to it.

        The chat's draft is cleared. `model` is the name of the model that is going to reply.
        """
        self._conversation_row(conversation)
        if parent is not None and self._message_row(parent)["conversation"] != conversation:
            raise KeyError(f"no message {parent} in chat {conversation}")
        now = records.now()
        text = records.storable(text)
        with self._database.writing():
            question = self._add(conversation, parent, Role.USER, MessageState.DONE, text, now)
            index.add_message(self._database, question, text)
            reply = self._add_writing(conversation, question, model, options, now)
            self._database.run("UPDATE conversation SET draft = '' WHERE id = ?", conversation)
        return self.message(question), self.message(reply)

    def add_reply(self, parent: int, *, model: str, options: SamplingOptions) -> Message:
        """Add another, empty reply below a user's message, and open it."""
        conversation = self._message_row(parent)["conversation"]
        with self._database.writing():
            reply = self._add_writing(conversation, parent, model, options, records.now())
        return self.message(reply)

    def _add_writing(
        self, conversation: int, parent: int, model: str, options: SamplingOptions, now: int
    ) -> int:
        reply = self._add(conversation, parent, Role.ASSISTANT, MessageState.WRITING, "", now)
        self._database.run(
            "UPDATE message SET model = ?, options = ? WHERE id = ?",
            *(model, records.options_text(options), reply),
        )
        self._open_leaf(conversation, reply)
        self._database.run("UPDATE conversation SET updated = ? WHERE id = ?", now, conversation)
        return reply

    def _add(
        self, conversation: int, parent: int | None, role: Role, state: MessageState, text: str, now: int
    ) -> int:
        added = self._database.run(
            """
            INSERT INTO message (conversation, parent, role, state, created, text) VALUES (?, ?, ?, ?, ?, ?)
            """,
            *(conversation, parent, role, state, now, text),
        )
        assert added.lastrowid is not None
        return added.lastrowid

    def reopen_reply(self, message: int) -> None:
        """Set a reply back to being written, so that it can be continued; its failure is cleared."""
        row = self._message_row(message)
        if row["state"] == MessageState.WRITING:
            return
        with self._database.writing():
            index.take_message(self._database, message, row["text"])
            self._database.run(
                "UPDATE message SET state = 'writing', finish = NULL, failure = '', hint = '' WHERE id = ?",
                message,
            )

    def save_reply(self, message: int, text: str) -> None:
        """Keep the reply so far, whole. A reply that has ended is left as it is."""
        with self._database.writing(is_durable=False):
            saved = self._database.run(
                "UPDATE message SET text = ? WHERE id = ? AND state = 'writing'",
                records.storable(text),
                message,
            )
        if not saved.rowcount:
            self._message_row(message)

    def end_reply(
        self,
        message: int,
        text: str,
        state: MessageState,
        *,
        finish: FinishReason | None = None,
        stats: ReplyStats | None = None,
        failure: str = "",
        hint: str = "",
        model: str = "",
    ) -> Message:
        """Keep the reply as it ended, and make it findable. An empty `model` leaves the name it has."""
        if state is MessageState.WRITING:
            raise ValueError("a reply does not end as being written")
        before = self._message_row(message)
        text = records.storable(text)
        with self._database.writing():
            if before["state"] != MessageState.WRITING:
                index.take_message(self._database, message, before["text"])
            self._database.run(
                """
                UPDATE message SET text = ?, state = ?, finish = ?, failure = ?, hint = ?,
                    model = CASE WHEN ? = '' THEN model ELSE ? END,
                    prompt_tokens = ?, cached_tokens = ?, reply_tokens = ?,
                    prompt_seconds = ?, reply_seconds = ?
                WHERE id = ?
                """,
                *(text, state, finish, failure, hint, model, model),
                *(
                    (None,) * 5
                    if stats is None
                    else (
                        stats.prompt_tokens,
                        stats.cached_tokens,
                        stats.reply_tokens,
                        stats.prompt_seconds,
                        stats.reply_seconds,
                    )
                ),
                message,
            )
            index.add_message(self._database, message, text)
            self._database.run(
                "UPDATE conversation SET updated = ? WHERE id = ?", records.now(), before["conversation"]
            )
        return self.message(message)

    def choose_sibling(self, message: int) -> None:
        """Open the branch through `message`: down to the leaf that was open last, else the newest."""
        conversation = self._message_row(message)["conversation"]
        leaf = self._database.value(
            """
            WITH RECURSIVE below (id) AS (
                SELECT ?
                UNION ALL
                SELECT m.id FROM below JOIN message m ON m.parent = below.id
            )
            SELECT m.id FROM below JOIN message m ON m.id = below.id
            WHERE NOT EXISTS (SELECT 1 FROM message c WHERE c.parent = m.id)
            ORDER BY m.visited DESC, m.id DESC LIMIT 1
            """,
            message,
        )
        with self._database.writing(is_durable=False):
            self._open_leaf(conversation, leaf)

    def _open_leaf(self, conversation: int, leaf: int) -> None:
        self._database.run(
            "UPDATE conversation SET leaf = ?, visits = visits + 1 WHERE id = ?", leaf, conversation
        )
        self._database.run(
            "UPDATE message SET visited = (SELECT visits FROM conversation WHERE id = ?) WHERE id = ?",
            *(conversation, leaf),
        )

    def pin_message(self, message: int, is_pinned: bool) -> None:
        """Keep a message in the model's view when older ones no longer fit, or no longer."""
        self._message_row(message)
        with self._database.writing():
            self._database.run("UPDATE message SET is_pinned = ? WHERE id = ?", is_pinned, message)

    def search(self, query: str, limit: int = 50) -> list[SearchHit]:
        """Return where all words of `query` stand, the last as the beginning of a word.

        Titles come first, then messages, each newest first; the trash is left out. Nothing typed is an error.
        """
        return index.search(self._database, query, limit)

    # models and small facts

    def model_paths(self) -> list[str]:
        """Return the models the user has added in place, in their order."""
        rows = self._database.rows("SELECT path FROM model WHERE is_added ORDER BY rowid")
        return [row["path"] for row in rows]

    def add_model_path(self, path: str) -> None:
        """Remember a model that stays where it is."""
        self._change_model(path, "is_added", 1)

    def forget_model_path(self, path: str) -> None:
        """Forget a model again; the file is not touched."""
        self._change_model(path, "is_added", 0)

    def note_model_used(self, path: str) -> None:
        """Remember that this model was used last."""
        self._change_model(path, "used", 1 + self._database.value("SELECT ifnull(max(used), 0) FROM model"))

    def last_model(self) -> str:
        """Return the path of the model that was used last; empty if none ever was."""
        found = self._database.value("SELECT path FROM model WHERE used ORDER BY used DESC LIMIT 1")
        return found or ""

    def state(self, key: str) -> str:
        """Return a remembered fact; empty if there is none."""
        found = self._database.value("SELECT value FROM fact WHERE key = ?", key)
        return found or ""

    def set_state(self, key: str, value: str) -> None:
        """Remember a fact, such as the size of the window."""
        with self._database.writing(is_durable=False):
            self._database.run(
                "INSERT INTO fact VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                *(key, records.storable(value)),
            )

    def _change_model(self, path: str, column: str, value: int) -> None:
        with self._database.writing():
            self._database.run(
                f"INSERT INTO model (path, {column}) VALUES (?, ?)"
                f" ON CONFLICT (path) DO UPDATE SET {column} = excluded.{column}",
                *(path, value),
            )

    def _change_conversation(
        self, id: int, column: str, value: str | int | None, *, is_durable: bool = True
    ) -> None:
        with self._database.writing(is_durable=is_durable):
            changed = self._database.run(f"UPDATE conversation SET {column} = ? WHERE id = ?", value, id)
        if not changed.rowcount:
            raise KeyError(f"no chat {id}")

    def _conversation_row(self, id: int) -> Row:
        row = self._database.row(f"SELECT {records.CONVERSATION} FROM conversation WHERE id = ?", id)
        if row is None:
            raise KeyError(f"no chat {id}")
        return row

    def _message_row(self, id: int) -> Row:
        row = self._database.row("SELECT conversation, state, text FROM message WHERE id = ?", id)
        if row is None:
            raise KeyError(f"no message {id}")
        return row
