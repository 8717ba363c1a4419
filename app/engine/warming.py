"""Reading a model's files from the disk before llama.cpp maps them, so that this can be seen and stopped.

llama.cpp maps a file with all its pages at once (MAP_POPULATE, `src/llama-mmap.cpp`): for a file that is not
in memory yet, that is one native call of many seconds without progress, which nothing can end. Read before,
in small pieces, the pages are there and mapping takes no time. What is in memory is not read again.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from app.core.jobs import CancelToken
from app.engine import memory

log = logging.getLogger(__name__)

_PIECE = 1 << 20  # bytes; some milliseconds even on a slow disk
_PART = re.compile(r"-00001-of-(\d{5})\.gguf$", re.IGNORECASE)


def warm(
    paths: Sequence[Path], report: Callable[[float], None], cancel: CancelToken, piece: int = _PIECE
) -> bool:
    """Bring files into the page cache, telling how far it is (0.0 to 1.0); whether anything had to be read.

    Raises `Cancelled`. A file that cannot be read is left to llama.cpp, which says why.
    """
    if not hasattr(os, "RWF_NOWAIT"):  # only Linux can tell what is in memory, and only there it matters
        return False
    sizes = [path.stat().st_size if os.path.isfile(path) else 0 for path in paths]
    total, done, has_read = sum(sizes), 0, False
    if total > memory.free_bytes():  # it would push itself out again
        return False
    buffer = bytearray(piece)
    for path, size in zip(paths, sizes, strict=True):
        try:
            with open(path, "rb", buffering=0) as file:
                for start in range(0, size, piece):
                    cancel.check()
                    if not _is_in_memory(file.fileno(), start):
                        has_read = True
                        os.preadv(file.fileno(), [buffer], start)
                        report((done + start) / total)
        except OSError as error:
            log.info("a model file could not be read ahead: %s", error)
        done += size
    return has_read


def all_parts(first: Path) -> list[Path]:
    """Return the files of a model, given the first: itself, or all parts of a split one."""
    found = _PART.search(first.name)
    if found is None:
        return [first]
    stem, count, ending = first.name[: found.start()], int(found[1]), first.name[-5:]
    return [first.with_name(f"{stem}-{n:05d}-of-{count:05d}{ending}") for n in range(1, min(count, 1000) + 1)]


def _is_in_memory(file: int, start: int) -> bool:
    try:
        return os.preadv(file, [bytearray(1)], start, os.RWF_NOWAIT) == 1
    except BlockingIOError:
        return False
    except OSError:  # a file system that cannot tell
        return False
