"""The commands of `fireside`, and how each of their ends becomes an exit status."""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Sequence

from app import __version__
from app.cli import ask, chat, doctor, export, models
from app.cli.main import drop_output, open_window
from app.cli.tools import DONE, FAILED, INTERRUPTED, WRONG_USAGE, Tools, WrongUsage, in_words
from app.core.errors import AppError, Cancelled
from app.system.logs import start_log

log = logging.getLogger(__name__)


def run_command(argv: Sequence[str], tools: Tools | None = None) -> int:
    """Run one command and return its exit status."""
    try:
        arguments = _parser().parse_args(argv)
    except SystemExit as end:  # argparse has printed the help, the version or what is wrong
        return end.code if isinstance(end.code, int) else WRONG_USAGE
    if arguments.command is None:
        return open_window(argv)
    tools = tools or Tools()
    book = start_log(tools.places.log_file) if os.path.isdir(tools.places.logs) else None
    if book is None:  # else Python prints warnings on stderr
        logging.getLogger().addHandler(logging.NullHandler())
    try:
        return _run(arguments, tools)
    finally:
        if book is not None:
            book.close()


def _run(arguments: argparse.Namespace, tools: Tools) -> int:
    """Run a command; an edge, where every error becomes an exit status."""
    try:
        status = arguments.command(arguments, tools)
        assert isinstance(status, int)
        tools.terminal.flush()
        return status
    except WrongUsage as error:
        tools.terminal.tell(str(error))
        return WRONG_USAGE
    except AppError as error:
        tools.terminal.tell(in_words(error))
        return FAILED
    except (Cancelled, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:  # whoever read the output, such as `head`, has seen enough
        drop_output()
        return DONE
    except Exception:  # an edge: a bug is logged whole, then rises
        log.exception("a command failed")
        raise


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
