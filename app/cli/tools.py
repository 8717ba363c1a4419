"""What every command is given to work with."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TextIO

from app.core.errors import AppError, DiskFull, StoreBusy, StoreGone, StoreUnwritable
from app.core.jobs import CancelToken
from app.core.models import ModelFile
from app.core.settings import Settings
from app.engine.backend import Backend
from app.engine.deferred import DeferredBackend
from app.library.shelf import Shelf
from app.storage.settings_file import SettingsFile
from app.storage.store import Store
from app.system import paths
from app.system.paths import Places

DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130


_TRY_AGAIN: dict[type[AppError], str] = {  # the first that fits
    StoreBusy: "Close the other program that has this file open, and try again.",
    StoreGone: StoreGone.hint,
    StoreUnwritable: "Look at the permissions of that folder, and try again.",
    DiskFull: "Free some space on that disk, and try again.",
}


_WISHES_TO_END = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


class WrongUsage(Exception):
    """What was typed cannot be meant; `str()` says what is wrong. Ends with exit status 2."""


class OutputFailed(AppError):
    """What should be printed could not be written, such as on a full disk."""

    hint = "Free some space on that disk, or write to another place."

    def __init__(self, why: str) -> None:
        super().__init__(f"The output could not be written ({why}).")


@dataclass(frozen=True, slots=True)
class Terminal:
    """The three streams."""

    input: TextIO = field(default_factory=lambda: sys.stdin)
    output: TextIO = field(default_factory=lambda: sys.stdout)
    errors: TextIO = field(default_factory=lambda: sys.stderr)

    def say(self, line: str = "") -> None:
        """Print a line of the product's own output. Raises `OutputFailed`, `BrokenPipeError`."""
        with _output_in_words():
            print(self._shown(line), file=self.output)

    def write(self, text: str) -> None:
        """Print a part of a text at once. Raises `OutputFailed`, `BrokenPipeError`."""
        with _output_in_words():
            self.output.write(self._shown(text))
            self.output.flush()

    def flush(self) -> None:
        """Bring out what was said. Raises `OutputFailed`, `BrokenPipeError`."""
        with _output_in_words():
            self.output.flush()

    def tell(self, line: str) -> None:
        """Print a line about what happens, beside the output."""
        with contextlib.suppress(OSError):  # nobody is there to be told
            print(line, file=self.errors, flush=True)

    def progress(self, line: str) -> None:
        """Show a passing line, if someone is looking; an empty one takes it away."""
        if self.errors.isatty():
            with contextlib.suppress(OSError):
                self.errors.write(f"\r\x1b[K{line}")
                self.errors.flush()

    def _shown(self, text: str) -> str:
        """Return the text as it may be shown: a model's words must not steer the user's terminal."""
        if not self.output.isatty():
            return text
        return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) != "Cc")


@dataclass(frozen=True, slots=True)
class Tools:
    """The places, the engine and the streams of one run."""

    places: Places = field(default_factory=paths.places)
    make_backend: Callable[[], Backend] = DeferredBackend
    terminal: Terminal = field(default_factory=Terminal)
    guide: Path | None = field(default_factory=paths.guide_model)  # the model that comes with the program

    def settings(self) -> Settings:
        """Read the settings; what is wrong with them is told."""
        settings, complaints = SettingsFile(self.places.settings_file).load()
        for complaint in complaints:
            self.terminal.tell(complaint)
        return settings

    @contextmanager
    def store(self) -> Iterator[Store]:
        """Open the store beside a window that may be open; it is closed in the end."""
        paths.prepare(self.places)
        store = Store.open(self.places.database, is_owner=False)
        try:
            yield store
        finally:
            store.close()

    def models_folder(self, settings: Settings) -> Path:
        """Return the folder that is searched for models."""
        return Path(settings.text("models_folder") or self.places.models).expanduser()

    def models(self, settings: Settings, store: Store, cancel: CancelToken | None = None) -> list[ModelFile]:
        """List all models, those added in place too."""
        added = [Path(path) for path in store.model_paths()]
        shelf = Shelf(self.guide)
        folder = self.models_folder(settings)
        if os.path.isdir(folder) and not os.access(folder, os.R_OK | os.X_OK):
            self.terminal.tell(f"The models folder {folder} is closed to you: check its permissions.")
        return shelf.scan(folder, added, _ignore, cancel or CancelToken())


def in_words(error: AppError) -> str:
    """Return what to tell of an error: its sentence, and what to do where no window tries again by itself."""
    hint = next((hint for kind, hint in _TRY_AGAIN.items() if isinstance(error, kind)), error.hint)
    return f"{error}\n{hint}".replace("not saved yet", "not saved").rstrip()


@contextmanager
def _output_in_words() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:  # whoever read it has seen enough
        raise
    except OSError as error:
        raise OutputFailed(error.strerror or str(error)) from error


def _ignore(_report: object) -> None:
    """Take a report nobody shows."""


@contextmanager
def stopping_on_interrupt() -> Iterator[CancelToken]:
    """Give a token that the first Ctrl+C cancels; a second one raises `KeyboardInterrupt` as usual.

    The wish to end the process, or a terminal that was closed, cancels it too, and ends the program when the
    block has ended, so that what was written is kept and what is unfinished taken away.
    """
    token = CancelToken()
    wishes: list[int] = []

    def on_interrupt(number: int, frame: FrameType | None) -> None:
        if token.is_cancelled:
            signal.default_int_handler(number, frame)
        token.cancel()

    def on_end(number: int, frame: FrameType | None) -> None:
        wishes.append(number)
        token.cancel()

    handlers = {signal.SIGINT: on_interrupt} | dict.fromkeys(_WISHES_TO_END, on_end)
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield token
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if wishes:
            raise SystemExit(128 + wishes[0])
