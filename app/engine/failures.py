"""From llama.cpp's own words to a sentence for the user."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from app.core.errors import AppError, EngineFailed, ModelMissing, ModelUnreadable, UnknownArchitecture

_MAGIC = b"GGUF"
# What llama.cpp says -> what it means. The first that matches wins.
_MEANINGS = (
    (r"not within the file bounds|corrupted or incomplete|failed to read tensor|unexpectedly reached",
     "it is damaged or was not copied whole."),
    (r"failed to read magic|invalid magic|failed to read|read key|key-value pair|tensor info|tensor data",
     "its header is damaged."),
    (r"bad GGUF version|GGUFv1|unsupported.*version|version .* is",
     "it is written in a version of GGUF that this version cannot read."),
    (r"unknown pre-tokenizer|unknown tokenizer|unsupported tokenizer|vocab",
     "this version does not know how it splits text into tokens."),
    (r"missing tensor|wrong shape|wrong number of tensors|check_tensor_dims|key not found|wrong type|invalid",
     "parts of it are missing or do not fit together."),
    (r"split", "it is split into several files, and one of them is missing or is not the first."),
)  # fmt: skip
_UNKNOWN = re.compile(r"unknown model architecture: '([^']*)'")
_NO_ROOM = re.compile(r"failed to allocate|unable to allocate|out of memory|cannot allocate", re.IGNORECASE)


def check_file(path: Path) -> None:
    """Look at what can be known without llama.cpp. Raises `ModelMissing` or `ModelUnreadable`."""
    try:
        if path.is_dir():
            raise ModelUnreadable(path, "it is a folder.", "Choose the GGUF file inside it.")
        if path.exists() and not path.is_file():  # opening a pipe would wait for ever
            raise ModelUnreadable(path, "it is a pipe or a device, and no file.", "Choose a GGUF file.")
        with path.open("rb") as file:
            start = file.read(len(_MAGIC))
    except FileNotFoundError as error:
        raise ModelMissing(path) from error
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise ModelUnreadable(path, f"it cannot be opened ({why}).", "Look at its permissions.") from error
    if not start:
        raise ModelUnreadable(path, "the file is empty.")
    if start != _MAGIC:
        raise ModelUnreadable(path, "it is not a GGUF file.", "Choose a file in the GGUF format.")


def load_failure(path: Path, errors: Sequence[str]) -> AppError:
    """Return what to tell when llama.cpp refused to load a file. `errors`: the lines it said."""
    said = "\n".join(errors)
    if unknown := _UNKNOWN.search(said):
        return UnknownArchitecture(path, unknown.group(1))
    if _NO_ROOM.search(said):
        return EngineFailed(
            f"There was not enough memory to load {path.name}.",
            "Close other programs, or choose a smaller quantization of the model.",
        )
    if not os.path.exists(path):
        return ModelMissing(path)
    for pattern, meaning in _MEANINGS:
        if re.search(pattern, said):
            return ModelUnreadable(path, meaning)
    return EngineFailed(f"llama.cpp could not load {path.name}.")
