"""`fireside models`: which models are here, and bringing in or letting go of one."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.cli.choosing import find_model, title
from app.cli.tools import DONE, FAILED, Tools, WrongUsage, in_words, stopping_on_interrupt
from app.core.errors import AppError
from app.core.models import CopyProgress, ModelFile
from app.core.units import readable_bytes
from app.library.adding import add_in_place, copy_model
from app.library.shelf import Shelf

_Commands = argparse._SubParsersAction


def add_parser(commands: _Commands[argparse.ArgumentParser]) -> None:
    """Add the command and those below it."""
    parser = commands.add_parser("models", help="the models on this computer")
    below = parser.add_subparsers(required=True, metavar="list|add|info|remove")
    listing = below.add_parser("list", help="all models")
    listing.add_argument("--json", action="store_true", help="as a JSON array")
    listing.set_defaults(command=run_list)
    adding = below.add_parser("add", help="add model files")
    adding.add_argument("files", nargs="+", type=Path, metavar="FILE")
    adding.add_argument(
        "--copy", action="store_true", help="copy into the models folder; else it stays in place"
    )
    adding.set_defaults(command=run_add)
    info = below.add_parser("info", help="what a model's header says")
    info.add_argument("model", metavar="MODEL", help="a path, a name, or a part of a name")
    info.add_argument("--json", action="store_true", help="as a JSON object")
    info.set_defaults(command=run_info)
    removing = below.add_parser("remove", help="forget a model; no file is deleted without --delete")
    removing.add_argument("model", metavar="MODEL", help="a path, a name, or a part of a name")
    removing.add_argument("--delete", action="store_true", help="delete its files from the models folder")
    removing.add_argument("--yes", action="store_true", help="delete without asking")
    removing.set_defaults(command=run_remove)


def run_list(arguments: argparse.Namespace, tools: Tools) -> int:
    """List all models."""
    with tools.store() as store:
        models = tools.models(tools.settings(), store)
    if arguments.json:
        tools.terminal.say(json.dumps([_facts(model) for model in models], ensure_ascii=False, indent=2))
        return DONE
    if not models:
        tools.terminal.tell("There is no model yet. Add one with: fireside models add FILE")
    for line in _table(models):
        tools.terminal.say(line)
    return DONE


def run_add(arguments: argparse.Namespace, tools: Tools) -> int:
    """Add files, in place or by copy; each one is told. One that fails does not keep the others out."""
    status, shelf, settings = DONE, Shelf(), tools.settings()
    with tools.store() as store:
        for path in arguments.files:
            try:
                if arguments.copy:
                    place = _copy(shelf, path, tools.models_folder(settings), tools)
                else:
                    place = add_in_place(shelf, path)
                    store.add_model_path(str(place))
            except AppError as error:
                tools.terminal.tell(in_words(error))
                status = FAILED
            else:
                tools.terminal.say(f"{title(shelf.look(place))}  {place}")
    return status


def run_info(arguments: argparse.Namespace, tools: Tools) -> int:
    """Show what is known of one model."""
    model = _find(arguments.model, tools)
    facts = _facts(model)
    if arguments.json:
        tools.terminal.say(json.dumps(facts, ensure_ascii=False, indent=2))
        return DONE
    shown = {
        "Name": model.name,
        "File": str(model.path) if len(model.parts) == 1 else f"{model.path} and {len(model.parts) - 1} more",
        "Size": readable_bytes(model.file_bytes),
        "Problem": model.problem,
        "Architecture": model.architecture,
        "Parameters": _count(model.parameters),
        "Quantization": model.quantization,
        "Context": f"{model.context_length:,} tokens" if model.context_length else "",
        "Layers": str(model.layers or ""),
        "Chat template": ""
        if model.problem
        else "yes"
        if model.chat_template
        else "no; a plain format is used",
        "Memory": f"about {readable_bytes(facts['memory_bytes'])} with a window of"
        f" {facts['memory_context']:,} tokens"
        if not model.problem
        else "",
    }
    for label, value in shown.items():
        if value:
            tools.terminal.say(f"{label + ':':<15}{value}")
    return FAILED if model.problem else DONE


def run_remove(arguments: argparse.Namespace, tools: Tools) -> int:
    """Forget a model that was added in place, or delete one in the models folder."""
    terminal, settings = tools.terminal, tools.settings()
    folder = os.path.realpath(tools.models_folder(settings))
    with tools.store() as store:
        model = find_model(tools.models(settings, store), arguments.model)
        here = os.path.realpath(model.path)
        if not Path(here).is_relative_to(folder):
            for path in store.model_paths():
                if os.path.realpath(path) == here:
                    store.forget_model_path(path)
            terminal.say(f"{title(model)} is forgotten. Its file is still at {model.path}.")
            return DONE
    if not arguments.delete:
        raise AppError(
            f"{title(model)} is in the models folder, and is listed as long as it is there.",
            f"To delete {readable_bytes(model.file_bytes)} for good, add --delete.",
        )
    if not arguments.yes and not _confirmed(model, tools):
        terminal.tell("Nothing was deleted.")
        return FAILED
    for part in model.parts:
        try:
            part.unlink(missing_ok=True)
        except OSError as error:
            raise AppError(
                f"{part} could not be deleted ({error.strerror}).", "Check its permissions."
            ) from error
    terminal.say(f"{title(model)} is deleted: {readable_bytes(model.file_bytes)}.")
    return DONE


def _find(wanted: str, tools: Tools) -> ModelFile:
    if os.path.isfile(path := os.path.expanduser(wanted)):
        return Shelf().look(Path(path))
    with tools.store() as store:
        return find_model(tools.models(tools.settings(), store), wanted)


def _confirmed(model: ModelFile, tools: Tools) -> bool:
    if not tools.terminal.input.isatty():
        raise WrongUsage("Deleting needs --yes where nobody can be asked.")
    size, count = readable_bytes(model.file_bytes), len(model.parts)
    files = str(model.path) if count == 1 else f"{count} files at {model.path.parent}"
    answer = input(f"Delete {files} ({size})? [y/N] ")
    return answer.strip().lower() in ("y", "yes")


def _copy(shelf: Shelf, path: Path, folder: Path, tools: Tools) -> Path:
    def report(news: Any) -> None:
        if isinstance(news, CopyProgress):
            done, total = readable_bytes(news.done), readable_bytes(news.total)
            tools.terminal.progress(f"Copying {path.name}: {done} of {total}")

    try:
        with stopping_on_interrupt() as cancel:
            return copy_model(shelf, path, folder, report, cancel)
    finally:
        tools.terminal.progress("")


def _facts(model: ModelFile) -> dict[str, Any]:
    """Return what is known of a model. `memory_bytes` is for a window of `memory_context` tokens."""
    window = min(model.context_length or 8192, 8192)
    return {
        "name": model.name,
        "path": str(model.path),
        "parts": [str(part) for part in model.parts],
        "file_bytes": model.file_bytes,
        "problem": model.problem,
        "architecture": model.architecture,
        "parameters": model.parameters,
        "quantization": model.quantization,
        "context_length": model.context_length,
        "layers": model.layers,
        "embedding_length": model.embedding_length,
        "vocabulary": model.vocabulary,
        "tensor_bytes": model.tensor_bytes,
        "kv_bytes_per_token": model.kv_bytes_per_token,
        "has_chat_template": bool(model.chat_template),
        "memory_context": 0 if model.problem else window,
        "memory_bytes": 0 if model.problem else model.memory_needed(window),
    }


def _table(models: Sequence[ModelFile]) -> list[str]:
    width = min(max((len(title(model)) for model in models), default=0), 40)
    lines: list[str] = []
    for model in models:
        context = f"{model.context_length:,} tokens" if model.context_length else ""
        lines.append(
            f"{title(model):<{width}}  {readable_bytes(model.file_bytes):>8}  {context:>16}  {model.path}"
        )
        if model.problem:
            lines.append(f"  {model.problem}")
    return lines


def _count(parameters: int) -> str:
    for size, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K")):
        if parameters >= size:
            return f"{parameters / size:.3g}{letter}"
    return str(parameters or "")
