"""`fireside export`: a chat as a document."""

from __future__ import annotations

import argparse
import contextlib
import os
from pathlib import Path

from app.cli.choosing import find_chat
from app.cli.tools import DONE, Tools
from app.core.errors import AppError
from app.core.export import to_json, to_markdown

_FORMATS = ("json", "md")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("export", help="a chat as a document")
    parser.add_argument("chat", metavar="CHAT", help="its number, its title, or a part of the title")
    parser.add_argument("--format", "-f", choices=_FORMATS, default="md", help="md if left out")
    parser.add_argument("--output", "-o", type=Path, metavar="FILE", help="standard output if left out")
    parser.add_argument("--force", action="store_true", help="write over a file that is there")
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace, tools: Tools) -> int:
    """Export one chat: as Markdown the branch that is open in it, as JSON all of them."""
    with tools.store() as store:
        id = find_chat(store, arguments.chat)
        chat = store.conversation(id)
        is_json = arguments.format == "json"
        text = to_json(chat, store.messages(id)) if is_json else to_markdown(chat, store.branch(id))
    if arguments.output is None:
        tools.terminal.write(text)
        return DONE
    _write(arguments.output, text, may_replace=arguments.force)
    tools.terminal.tell(f"Written to {arguments.output}.")
    return DONE


def _write(path: Path, text: str, *, may_replace: bool) -> None:
    """Write the whole file or nothing."""
    path = Path(os.path.realpath(path))  # a link stays one
    is_file = os.path.isfile(path)
    if os.path.exists(path) and not (may_replace and is_file):
        if not is_file:
            raise AppError(f"{path} is no file.", "Choose another name.")
        raise AppError(f"{path} is there already.", "Choose another name, or add --force to write over it.")
    unfinished = path.with_name(f".fireside-{os.getpid()}.part")
    try:
        unfinished.write_text(text, encoding="utf-8", newline="\n")
        unfinished.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise AppError(
            f"{path} could not be written ({error.strerror}).", "Choose another folder."
        ) from error
