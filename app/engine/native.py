"""llama.cpp's library: brought in once, its words kept, its callbacks free of Python where they are hot."""

from __future__ import annotations

import collections
import ctypes
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Read when the library is loaded: without it an abort starts a debugger to print a backtrace.
os.environ.setdefault("GGML_NO_BACKTRACE", "1")

import llama_cpp  # the line above must come first
from llama_cpp import llama_cpp as lib

from app.core.errors import EngineFailed
from app.core.jobs import CancelToken

log = logging.getLogger(__name__)

_WARNING, _ERROR, _CONTINUED = 3, 4, 5  # ggml's log levels; the binding's own table is off by one
_KEPT_LINES = 200


class Words:
    """The last lines that llama.cpp said, from warnings up."""

    def __init__(self) -> None:
        self._lines: collections.deque[tuple[int, str]] = collections.deque(maxlen=_KEPT_LINES)
        self._level = 0
        # An attribute, because llama.cpp keeps the pointer for the life of the process.
        self._callback = lib.llama_log_callback(self._hear)

    def listen(self) -> None:
        """Have llama.cpp say everything here and nothing on stderr."""
        lib.llama_log_set(self._callback, None)

    def _hear(self, level: int, text: bytes | None, _data: object) -> None:
        # May come from a worker thread of llama.cpp: only store, logging would register that thread.
        if text is None:
            return
        if level == _CONTINUED:
            if self._level >= _WARNING and self._lines:
                last = self._lines.pop()
                self._lines.append((last[0], last[1] + text.decode("utf-8", "replace")))
            return
        self._level = level
        if level >= _WARNING:
            self._lines.append((level, text.decode("utf-8", "replace")))

    def forget(self) -> None:
        """Start a new account."""
        self._lines.clear()

    def errors(self) -> list[str]:
        """Return the errors said since `forget`, one line each."""
        return [line.strip() for level, line in self._lines if level == _ERROR]

    def pass_on(self) -> None:
        """Write what was said to the program's log; call it from the thread that made the native call."""
        for level, line in self._lines:
            log.log(logging.ERROR if level == _ERROR else logging.WARNING, "%s", line.strip())


WORDS = Words()
_started = False


def start() -> None:
    """Make llama.cpp ready; later calls do nothing. Raises `EngineFailed` if it has nothing to compute on."""
    global _started
    if _started:
        return
    WORDS.listen()
    devices = native("ggml_backend_dev_count", ctypes.c_size_t)
    if not devices():
        folder = Path(llama_cpp.__file__).parent / "lib"
        native("ggml_backend_load_all_from_path", None, ctypes.c_char_p)(os.fsencode(folder))
    if not devices():
        WORDS.pass_on()
        raise EngineFailed(
            "The engine has no part that fits this computer's processor.",
            "Install Fireside again; if that does not help, this processor is not supported.",
        )
    lib.llama_backend_init()
    _started = True


def native(name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
    """Return a function of ggml that the binding does not name. From libllama's own copy of ggml."""
    for library in (lib._lib, *_more_libraries()):
        function = getattr(library, name, None)
        if function is not None:
            function.restype, function.argtypes = result, list(arguments)
            return function  # type: ignore[no-any-return]  # ctypes builds it from the library's symbols
    raise EngineFailed(f"This build of llama.cpp has no {name}.")


def _more_libraries() -> list[ctypes.CDLL]:
    """Windows looks for a name in one file only; elsewhere a library brings those it was linked with.

    Opening them by name on Linux could bring a second copy with its own list of devices.
    """
    if os.name != "nt":
        return []
    folder = Path(llama_cpp.__file__).parent / "lib"
    return [
        ctypes.CDLL(str(file)) for file in (folder / "ggml.dll", folder / "ggml-base.dll") if file.exists()
    ]


class StopFlag:
    """Two bytes that a native loop looks at without Python: raised when a command is cancelled.

    Every command has its own, so that a stop that comes late rings a flag nobody looks at any more.
    """

    def __init__(self, cancel: CancelToken) -> None:
        self._bytes = ctypes.create_string_buffer(2)
        self._cancel = cancel
        cancel.on_cancel(self._raise)

    @property
    def is_raised(self) -> bool:
        """Whether the command was cancelled."""
        return self._bytes.raw[0] != 0

    @property
    def address(self) -> int:
        """Where the bytes are; valid as long as this object lives."""
        return ctypes.addressof(self._bytes)

    def let_go(self) -> None:
        """Follow the command's token no longer."""
        self._cancel.forget(self._raise)

    def _raise(self) -> None:
        self._bytes[0] = b"\x01"


# `strlen` of the flag's bytes is 0 while it is down and 1 once it is raised. llama.cpp asks some 700 times
# per token; a Python function here would wait for the window's thread each time (57 -> 2 tokens/s).
_libc = ctypes.CDLL("ucrtbase" if os.name == "nt" else None)
ASK_FLAG: Any = ctypes.cast(_libc.strlen, lib.ggml_abort_callback)
