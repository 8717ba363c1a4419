"""One SQLite file: its connection, its transactions, and SQLite's errors in the user's words."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

from app.core.errors import DiskFull, StoreBusy, StoreDamaged, StoreGone, StoreUnwritable

Row: TypeAlias = sqlite3.Row

_NO_ROOM = 1_000_000  # bytes; SQLite calls some full disks an I/O error, so the disk is asked
_WAL_KEPT = 16 * 1024 * 1024  # bytes; a longer write-ahead log is cut at the next checkpoint


class Database:
    """A connection to one file. Used by the thread that made it."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self.is_damaged = False  # SQLite met a page it could not read
        self._connection = connection
        self._is_durable = True
        self._file = _identity(path)

    @classmethod
    def connect(cls, path: Path) -> Database:
        """Open `path`, making it if it is missing. Raises `DiskFull`, `StoreUnwritable`, `StoreDamaged`."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            make_private(path)  # first, because SQLite gives the -wal and -shm the file's mode
            connection = sqlite3.connect(path, isolation_level=None)
        except (OSError, sqlite3.OperationalError) as error:
            raise in_words(error, path) from error
        connection.row_factory = sqlite3.Row
        database = cls(path, connection)
        try:
            database.run("PRAGMA busy_timeout = 3000")  # milliseconds; the terminal may be writing
            database.run("PRAGMA journal_mode = WAL")
            database.run("PRAGMA synchronous = FULL")
            database.run("PRAGMA foreign_keys = ON")
            database.run("PRAGMA secure_delete = ON")  # what is purged is overwritten with zeros
            database.run(f"PRAGMA journal_size_limit = {_WAL_KEPT}")
        except Exception:  # whatever it was rises; only the connection must not stay open
            connection.close()
            raise
        return database

    @property
    def changes(self) -> int:
        """How many rows this connection has changed so far."""
        return self._connection.total_changes

    def run(self, sql: str, *values: Any) -> sqlite3.Cursor:
        """Run one statement. Raises `DiskFull`, `StoreUnwritable`, `StoreDamaged`."""
        with self._in_words():
            return self._connection.execute(sql, values)

    def run_many(self, sql: str, values: Iterator[tuple[Any, ...]]) -> None:
        """Run one statement once for each of `values`. Raises as `run` does."""
        with self._in_words():
            self._connection.executemany(sql, values)

    def rows(self, sql: str, *values: Any) -> list[Row]:
        """Return all rows of a query."""
        with self._in_words():
            return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, *values: Any) -> Row | None:
        """Return the first row of a query, None if there is none."""
        with self._in_words():
            found: Row | None = self._connection.execute(sql, values).fetchone()
            return found

    def value(self, sql: str, *values: Any) -> Any:
        """Return the first column of the first row, None if there is no row."""
        found = self.row(sql, *values)
        return None if found is None else found[0]

    @contextlib.contextmanager
    def writing(self, *, is_durable: bool = True) -> Iterator[None]:
        """One transaction: all of the block, or nothing.

        Without `is_durable` the disk is not waited for: the program may be killed and nothing is lost, but a
        power cut may take this change. The file itself is safe: its log is synced before it is copied.
        """
        if self._file != _identity(self.path):  # SQLite would go on writing, into a file that has no name
            raise StoreGone(self.path)
        if is_durable != self._is_durable:
            self.run(f"PRAGMA synchronous = {'FULL' if is_durable else 'NORMAL'}")
            self._is_durable = is_durable
        with self._in_words():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # SQLite has ended it itself after some errors
                    self._connection.execute("ROLLBACK")
                raise

    def copy_to(self, path: Path) -> None:
        """Write a whole copy, through SQLite's backup API. A file there is replaced. Raises `DiskFull`."""
        path.unlink(missing_ok=True)
        try:
            make_private(path)
            with contextlib.closing(sqlite3.connect(path)) as copy:
                self._connection.backup(copy)
        except (OSError, sqlite3.Error) as error:
            path.unlink(missing_ok=True)
            raise in_words(error, path) from error

    def close(self) -> None:
        """Close the file. Committed work is safe even if the last tidying fails."""
        self._connection.close()

    @contextlib.contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            told = in_words(error, self.path)
            if isinstance(told, StoreDamaged):
                self.is_damaged = True
            if told is error:
                raise
            raise told from error


def in_words(error: OSError | sqlite3.Error, path: Path) -> Exception:
    """Return what to raise for an error of the disk; `error` itself if it is a bug of ours."""
    if isinstance(error, OSError):
        is_full = _is_full(path)
        return DiskFull(path) if is_full else StoreUnwritable(path, error.strerror or str(error))
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # the lowest byte is the kind
    match code:
        case sqlite3.SQLITE_FULL:
            return DiskFull(path)
        case sqlite3.SQLITE_IOERR | sqlite3.SQLITE_CANTOPEN if _is_full(path):
            return DiskFull(path)
        case sqlite3.SQLITE_IOERR | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return StoreUnwritable(path, str(error))
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StoreBusy(path)
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return StoreDamaged(path)
    return error


def make_private(path: Path) -> None:
    """Make the file if it is missing, readable and writable for its owner only."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    os.chmod(path, 0o600)


def read_only(path: Path) -> sqlite3.Connection:
    """Return a connection that cannot write. Raises `sqlite3.Error`."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    connection.row_factory = sqlite3.Row
    return connection


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from another of that name, None if there is none."""
    try:
        facts = os.stat(path)
    except OSError:
        return None
    return facts.st_dev, facts.st_ino


def _is_full(path: Path) -> bool:
    try:
        return shutil.disk_usage(path.parent).free < _NO_ROOM
    except OSError:
        return False
