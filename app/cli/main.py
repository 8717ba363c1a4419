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

FAILED = 1
_SCREENS = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")


def run() -> None:
    """Run the command line of this process, and end it."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a windowed program on Windows has none
            stream.reconfigure(errors="replace")
    status = main(sys.argv[1:])
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
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


def drop_output() -> None:
    """Have nothing more written to a closed pipe, not even when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
