"""The command `fireside`: the window, or one of the commands.

Exit status: 0 done, 1 the world failed (a sentence on stderr), 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import gc
import io
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.cli.tools import Tools

FAILED, INTERRUPTED = 1, 130
_SCREENS = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")


def run() -> None:
    """Run the command line of this process, and end it."""
    _open_closed_streams()
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        status = main(sys.argv[1:])
    except KeyboardInterrupt:  # before a command could take it, while its modules were brought in
        status = INTERRUPTED
    try:
        sys.stdout.flush()
    except OSError:  # the commands have told of it
        drop_output()
    sys.exit(status)


def main(argv: Sequence[str], tools: Tools | None = None) -> int:
    """Run one command, or without one the window, and return the exit status."""
    if not argv:
        return open_window(argv)
    from app.cli.commands import run_command  # noqa: PLC0415 - the window needs none of it, and starts sooner

    return run_command(argv, tools)


def open_window(argv: Sequence[str], environ: Mapping[str, str] = os.environ) -> int:
    """Open the window, if there is a screen to draw on."""
    if sys.platform.startswith("linux") and not any(environ.get(name) for name in _SCREENS):
        sys.stderr.write(
            f"There is no screen to open a window on.\nTo chat in the terminal: {_typed()} chat\n"
        )
        return FAILED
    gc.disable()  # until the first paint: nothing to collect, and looking for it takes 3 % of the start
    from app import bootstrap  # noqa: PLC0415 - brings in Qt, which no command needs

    return bootstrap.open_window(argv)


def _typed() -> str:
    """Return the command as it can be typed here: `fireside` may be on no path, as after `make run`."""
    program = sys.argv[0]
    if os.path.basename(program) != "fireside" or shutil.which("fireside"):
        return "fireside"
    return os.path.relpath(program) if program.startswith(os.getcwd() + os.sep) else program


def _open_closed_streams() -> None:
    """Put nothing in the place of streams that are closed (`>&-`), or missing in a window on Windows.

    A file opened later would get a closed stream's number, and native code writes its last words to number 2.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            nothing = open(os.devnull, mode, encoding="utf-8")  # noqa: SIM115 - as long as the program
            if nothing.fileno() != number:
                os.dup2(nothing.fileno(), number)
            setattr(sys, name, nothing)


def drop_output() -> None:
    """Have nothing more written to a closed pipe or a full disk, not even when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
