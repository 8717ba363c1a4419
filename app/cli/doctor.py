"""`fireside doctor`: whether everything the program needs is here and works."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app import __version__
from app.cli.tools import DONE, FAILED, Tools, in_words
from app.core.errors import AppError
from app.core.settings import Settings
from app.core.units import readable_bytes
from app.storage.store import Store
from app.system import paths
from app.system.hardware import hardware

_LIBRARIES = ("PySide6-Essentials", "llama-cpp-python", "jinja2", "markdown-it-py", "tomlkit", "psutil")
_ENGINE_SECONDS = 60.0
_LITTLE_ROOM = 1_000_000_000  # bytes


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    topic: str
    words: str
    is_fine: bool = True
    hint: str = ""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("doctor", help="whether everything needed is here and works")
    parser.add_argument("--paths", action="store_true", help="only where things are kept")
    parser.add_argument("--start-engine", action="store_true", help=argparse.SUPPRESS)
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace, tools: Tools) -> int:
    """Look at everything; the exit status tells whether all is well."""
    if arguments.start_engine:  # in the child process
        return _start_engine()
    terminal = tools.terminal
    if arguments.paths:
        for name, path in _places(tools):
            terminal.say(f"{name:<10}{path}")
        return DONE
    status = DONE
    for finding in findings(tools):
        terminal.say(f"{'ok ' if finding.is_fine else 'BAD'}  {finding.topic:<10} {finding.words}")
        if not finding.is_fine:
            status = FAILED
            terminal.say(f"     {'':<10} {finding.hint}")
    return status


def findings(tools: Tools) -> Iterator[Finding]:
    """Look at one thing after another."""
    yield Finding("program", f"Fireside {__version__}, Python {platform.python_version()}")
    for library in _LIBRARIES:
        yield _library(library)
    machine = hardware()
    yield Finding("system", machine.system)
    yield Finding("processor", f"{machine.processor}, {machine.physical_cores} cores")
    free, total = readable_bytes(machine.memory.available), readable_bytes(machine.memory.total)
    yield Finding("memory", f"{free} of {total} free")
    yield engine_finding()
    yield from _folder_findings(tools)


def engine_finding(command: list[str] | None = None, seconds: float = _ENGINE_SECONDS) -> Finding:
    """Start the engine in another process, so that even a crash of native code can be told.

    `command` is what that process runs; left out, this program itself.
    """
    reinstall = "Install Fireside again. If that does not help, this processor may not be supported."
    try:
        child = subprocess.run(
            command or _own_command(),
            env={**os.environ, "PYTHONPATH": _own_folder()},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Finding("engine", f"llama.cpp did not start within {seconds:.0f} s", False, reinstall)
    except OSError as error:
        return Finding("engine", f"it could not be tried ({error.strerror})", False, reinstall)
    if child.returncode == 0:
        return Finding("engine", "llama.cpp starts")
    said = (child.stderr.strip().splitlines() or ["it said nothing"])[-1]
    if child.returncode < 0:
        said = f"it crashed (signal {-child.returncode})"
    return Finding("engine", f"llama.cpp does not start: {said}", False, reinstall)


def _own_command() -> list[str]:
    program = [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-m", "app"]
    return [*program, "doctor", "--start-engine"]


def _own_folder() -> str:
    here = str(Path(__file__).resolve().parents[2])
    return os.pathsep.join(part for part in (here, os.environ.get("PYTHONPATH", "")) if part)


def _start_engine() -> int:
    importlib.import_module("app.engine.native").start()
    return DONE


def _library(name: str) -> Finding:
    try:
        return Finding("library", f"{name} {importlib.metadata.version(name)}")
    except importlib.metadata.PackageNotFoundError:
        if getattr(sys, "frozen", False):  # a frozen program has no list of its libraries
            return Finding("library", f"{name}, bundled")
        return Finding("library", f"{name} is missing", False, "Install Fireside again.")


def _folder_findings(tools: Tools) -> Iterator[Finding]:
    where = tools.places
    try:
        paths.prepare(where)
    except AppError as error:
        yield Finding("folders", str(error), False, error.hint)
        return
    yield Finding("data", str(where.data))
    yield _database(where.database)
    try:
        settings = tools.settings()
        yield Finding("settings", f"{where.settings_file}, {len(settings.changed)} changed")
    except AppError as error:
        settings = Settings()
        yield Finding("settings", str(error), False, error.hint)
    folder = tools.models_folder(settings)
    if not os.path.isdir(folder):
        yield Finding(
            "models", f"{folder} is not there", False, "Connect its disk, or choose another folder."
        )
        return
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        yield Finding("models", f"{folder} is closed to you", False, "Check the folder's permissions.")
        return
    free = shutil.disk_usage(folder).free
    words = f"{folder}, {readable_bytes(free)} free"
    yield Finding("models", words, free >= _LITTLE_ROOM, "Free some space on that disk.")


def _database(path: Path) -> Finding:
    if not os.path.exists(path):
        return Finding("database", "none yet; the first chat makes it")
    try:
        store = Store.open(path, is_owner=False)
        try:
            chats = len(store.conversations())
        finally:
            store.close()
    except AppError as error:
        return Finding("database", str(error), False, error.hint)
    return Finding("database", f"{chats:,} chats, {readable_bytes(path.stat().st_size)}")


def _places(tools: Tools) -> list[tuple[str, Path]]:
    where = tools.places
    try:
        settings = tools.settings()
    except AppError as error:
        tools.terminal.tell(in_words(error))
        settings = Settings()
    return [
        ("data", where.data),
        ("database", where.database),
        ("settings", where.settings_file),
        ("models", tools.models_folder(settings)),
        ("cache", where.cache),
        ("logs", where.logs),
    ]
