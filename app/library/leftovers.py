"""Copies that a killed program left unfinished, and taking them away.

Such a file is as large as a model and hidden, so nobody would ever find it.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import sys
import time
from pathlib import Path

if sys.platform != "win32":
    import fcntl

log = logging.getLogger(__name__)

_NAME = re.compile(r"\..+\.[0-9a-f]{8}\.copying")
_OLD = 60.0  # seconds; a younger one may not be locked yet


def unfinished(path: Path) -> Path:
    """Return a new name for a copy in the making; hidden, so that no scan takes half a file for a model."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.copying")


def hold(file: int) -> None:
    """Mark an open file as being copied, for as long as it is open: it is no leftover."""
    if sys.platform != "win32":  # there an open file cannot be deleted
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:  # some network disks have no locks; there its age must do
            log.info("a copy could not be locked: %s", error)


def sweep(folder: Path) -> None:
    """Delete unfinished copies in a folder that nobody is at work on. Raises nothing the disk may say."""
    try:
        names = [name for name in os.listdir(folder) if _NAME.fullmatch(name)]
    except OSError:
        return  # who looks through the folder will tell
    for name in names:
        try:
            if _is_left(folder / name):
                os.unlink(folder / name)
                log.info("an unfinished copy was deleted")
        except OSError as error:
            log.info("an unfinished copy could not be deleted: %s", error)


def _is_left(path: Path) -> bool:
    facts = path.lstat()
    if not path.is_file() or path.is_symlink() or abs(time.time() - facts.st_mtime) < _OLD:
        return False
    if sys.platform == "win32":
        return True
    file = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(file)
    return True
