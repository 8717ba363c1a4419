"""The log: a few small files that never hold a word of a conversation.

The standard library's rotating handler is not used: it brings in sockets and pickling, 5 ms of every start.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import sys
from collections.abc import Callable
from io import TextIOWrapper
from pathlib import Path
from types import TracebackType
from typing import TextIO

log = logging.getLogger(__name__)

_MOST_BYTES = 1_000_000
_OLD_FILES = 3
_LINE = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


class _PrivateFile(logging.FileHandler):
    """Writes a file that only its owner can read, and begins another one when it is full."""

    def _open(self) -> TextIOWrapper:
        return open(self.baseFilename, "a", encoding="utf-8", opener=_private)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line; before it, put a full file beside the older ones."""
        if self.stream is not None and self.stream.tell() > _MOST_BYTES:
            self.stream.close()
            _make_room(Path(self.baseFilename))
            self.stream = self._open()
        super().emit(record)


def _make_room(file: Path) -> None:
    """Rename `file` to `file.1`, that to `file.2`, and so on; the oldest one goes."""
    for number in range(_OLD_FILES, 0, -1):
        younger = file.with_name(f"{file.name}.{number - 1}") if number > 1 else file
        if younger.exists():
            younger.replace(file.with_name(f"{file.name}.{number}"))


class Logbook:
    """The log of this run, to be closed at its end."""

    def __init__(self, handler: logging.Handler, crash_file: TextIO | None) -> None:
        self._handler = handler
        self._crash_file = crash_file

    def close(self) -> None:
        """Write what is left and stop logging."""
        logging.getLogger().removeHandler(self._handler)
        self._handler.close()
        if self._crash_file is not None:
            faulthandler.disable()
            self._crash_file.close()
            self._crash_file = None


def start_log(file: Path, level: int = logging.INFO, *, crash_file: Path | None = None) -> Logbook:
    """Log to `file`, at most some 4 MB with the older ones beside it.

    Into `crash_file`, if given, goes where the program was when native code crashed. Where the log cannot
    be written the program goes on without one.
    """
    root = logging.getLogger()
    root.setLevel(level)
    handler: logging.Handler = logging.NullHandler()
    crashes: TextIO | None = None
    try:
        handler = _PrivateFile(file, encoding="utf-8")
        if crash_file is not None:
            crashes = open(crash_file, "a", encoding="utf-8", opener=_private)  # noqa: SIM115 - the book's
            faulthandler.enable(crashes)
    except OSError as error:
        if sys.stderr is not None:  # a windowed program on Windows has none
            sys.stderr.write(f"The log {file} cannot be written: {error.strerror}.\n")
    handler.setFormatter(logging.Formatter(_LINE))
    root.addHandler(handler)
    return Logbook(handler, crashes)


def log_bugs(tell: Callable[[BaseException], None] | None = None) -> None:
    """Have every error that nobody caught logged whole, then handed to `tell`. Ctrl+C is not an error."""

    def on_error(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        log.critical("an error nobody caught", exc_info=(kind, error, trace))
        if tell is not None:
            tell(error)

    sys.excepthook = on_error
