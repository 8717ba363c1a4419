"""One window per data folder: a lock that the operating system lets go of when the process dies."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from app.core.errors import StoreUnwritable

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


class DataLock:
    """The right to be the only one at work on a data folder."""

    def __init__(self, file: int) -> None:
        self._file = file

    @classmethod
    def take(cls, path: Path) -> DataLock | None:
        """Lock the file at `path`, making it if missing; None: another process, or this one, has it.

        Raises `StoreUnwritable` if the file cannot be made.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreUnwritable(path, error.strerror or str(error)) from error
        try:
            if sys.platform == "win32":
                msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
            else:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            return None
        return cls(file)

    def release(self) -> None:
        """Let go. The file stays: deleting it would let two processes lock two files of one name."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
