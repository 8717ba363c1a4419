"""The errors this program raises on purpose.

Two kinds exist. An `AppError` means the world is at fault: `str(error)` is the
sentence shown to the user and `error.hint` the next step. Anything else that
reaches an edge (lane, exception hook, command line) is a bug and is logged whole.
"""

from __future__ import annotations

from pathlib import Path

from app.core.units import readable_bytes


class AppError(Exception):
    """Something outside the program went wrong, and the user should be told."""

    hint = ""

    def __init__(self, sentence: str, hint: str = "") -> None:
        super().__init__(sentence)
        if hint:
            self.hint = hint


class Cancelled(Exception):
    """The user asked to stop. Not a fault: caught by the lane, never shown."""


class ModelMissing(AppError):
    """There is no file where a model was looked for."""

    hint = (
        "Check the name. If the file was moved, add it again from its new place;"
        " if it is on an external disk, connect the disk."
    )

    def __init__(self, path: Path) -> None:
        super().__init__(f"There is no model file {path.name} in {path.parent}.")
        self.path = path


class ModelUnreadable(AppError):
    """The file cannot be used as a model: damaged, cut short, empty, or not GGUF at all."""

    hint = "Download or copy the file again; the one on this disk cannot be used."

    def __init__(self, path: Path, why: str, hint: str = "") -> None:
        super().__init__(f"{path.name} cannot be used: {why}", hint)
        self.path = path
        self.why = why


class UnknownArchitecture(AppError):
    """The bundled llama.cpp does not know this kind of model."""

    hint = "A newer version of Fireside may know it. Until then, choose another model."

    def __init__(self, path: Path, architecture: str) -> None:
        super().__init__(f"{path.name} is of the kind “{architecture}”, which this version cannot run.")
        self.path = path
        self.architecture = architecture


class ModelTooLarge(AppError):
    """The model and its context do not fit in the memory that is free now."""

    hint = (
        "Close other programs, choose a smaller quantization of the model, "
        "or set a shorter context window in its options."
    )

    def __init__(self, name: str, needed: int, free: int) -> None:
        """`needed` and `free` are in bytes."""
        super().__init__(
            f"{name} needs about {readable_bytes(needed)} of memory, and {readable_bytes(free)} are free."
        )
        self.needed = needed
        self.free = free


class NoModelLoaded(AppError):
    """A reply was asked for and no model is loaded."""

    hint = "Choose a model at the top of the chat, or add one on the Models page."

    def __init__(self) -> None:
        super().__init__("No model is loaded.")


class MessageTooLong(AppError):
    """The newest message alone is larger than the model's context window."""

    hint = "Shorten the message, or give the model a longer context window in its options."

    def __init__(self, tokens: int, window: int) -> None:
        """`tokens`: of the message and what must stay with it; `window`: the size of the context window."""
        super().__init__(
            f"This needs {tokens:,} tokens, and the model's window holds {window:,}. Nothing was cut."
        )
        self.tokens = tokens
        self.window = window


class EngineFailed(AppError):
    """llama.cpp refused or broke in a way that has no better name."""

    hint = "Try again; if it happens again, choose another model. The log has llama.cpp's own words."


class StoreTooNew(AppError):
    """The database was written by a newer version of the program."""

    hint = "Install the newest version of Fireside. Nothing was changed."

    def __init__(self, path: Path, found: int, known: int) -> None:
        super().__init__(
            f"The chats in {path} were written by a newer version of Fireside"
            f" (data version {found}, this one knows {known})."
        )


class DiskFull(AppError):
    """The disk has no room for what must be kept."""

    hint = "Free some space on that disk; Fireside tries again by itself."

    def __init__(self, path: Path) -> None:
        super().__init__(f"The disk that holds {path} is full, so the last change is not saved yet.")
        self.path = path


class StoreUnwritable(AppError):
    """The database cannot be written, for another reason than room."""

    hint = "Look at the permissions of that folder; Fireside tries again by itself."

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path} cannot be written ({why}), so the last change is not saved yet.")
        self.path = path


class StoreBusy(StoreUnwritable):
    """Another program, not Fireside as a rule, holds the database for longer than one can wait."""

    hint = "Close the other program that has this file open; Fireside tries again by itself."

    def __init__(self, path: Path) -> None:
        super().__init__(path, "another program has it locked")


class StoreGone(StoreUnwritable):
    """The database was deleted, moved or replaced while it was open."""

    hint = "Put the file back to where it was, or start Fireside again to begin a new one."

    def __init__(self, path: Path) -> None:
        super().__init__(path, "the file was moved, deleted or replaced")


class StoreDamaged(AppError):
    """A part of the database cannot be read."""

    hint = "Start Fireside again: it keeps the damaged file and recovers what can be read."

    def __init__(self, path: Path) -> None:
        super().__init__(f"A part of {path} cannot be read.")
        self.path = path
