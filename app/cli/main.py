"""The command `fireside`: the window, or one of the commands.

Exit status: 0 done, 1 the world failed (a sentence on stderr), 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import argparse
import io
import logging
import os
import sys
from collections.abc import Mapping, Sequence

from app import __version__
from app.cli import ask, chat, doctor, export, models
from app.cli.tools import DONE, FAILED, INTERRUPTED, WRONG_USAGE, Tools, WrongUsage
from app.core.errors import AppError, Cancelled
from app.system.logs import start_log

log = logging.getLogger(__name__)

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
        _drop_output()
    sys.exit(status)


def main(argv: Sequence[str], tools: Tools | None = None) -> int:
    """Run one command and return its exit status."""
    try:
        arguments = _parser().parse_args(argv)
    except SystemExit as end:  # argparse has printed the help, the version or what is wrong
        return end.code if isinstance(end.code, int) else WRONG_USAGE
    if arguments.command is None:
        return open_window(argv)
    tools = tools or Tools()
    book = start_log(tools.places.log_file) if tools.places.logs.is_dir() else None
    try:
        return _run(arguments, tools)
    finally:
        if book is not None:
            book.close()


def open_window(argv: Sequence[str], environ: Mapping[str, str] = os.environ) -> int:
    """Open the window, if there is a screen to draw on."""
    if sys.platform.startswith("linux") and not any(environ.get(name) for name in _SCREENS):
        sys.stderr.write("There is no screen to open a window on.\nTo chat in the terminal: fireside chat\n")
        return FAILED
    from app import bootstrap  # noqa: PLC0415 - brings in Qt, which no command needs

    return bootstrap.open_window(argv)


def _run(arguments: argparse.Namespace, tools: Tools) -> int:
    """Run a command; an edge, where every error becomes an exit status."""
    try:
        status = arguments.command(arguments, tools)
        assert isinstance(status, int)
        tools.terminal.output.flush()
        return status
    except WrongUsage as error:
        tools.terminal.tell(str(error))
        return WRONG_USAGE
    except AppError as error:
        tools.terminal.tell(f"{error}\n{error.hint}".rstrip())
        return FAILED
    except (Cancelled, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:  # whoever read the output, such as `head`, has seen enough
        _drop_output()
        return DONE
    except Exception:
        log.exception("a command failed")
        raise


def _drop_output() -> None:
    """Have nothing more written to a closed pipe, not even when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fireside",
        description="Chat with language models that run on this computer. Without a command: the window.",
    )
    parser.add_argument("--version", action="version", version=f"Fireside {__version__}")
    parser.set_defaults(command=None)
    commands = parser.add_subparsers(metavar="COMMAND")
    for module in (ask, chat, models, export, doctor):
        module.add_parser(commands)
    return parser
