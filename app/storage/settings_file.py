"""The settings as a file that people can read and edit.

Only what was changed stands in the file, each value under its explanation. What people write into it is left
as it is, comments and values of newer versions included.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from app.core import settings
from app.core.errors import AppError
from app.core.settings import SETTINGS, Page, Settings
from app.storage.database import in_words

_OPENING = "Settings of Fireside. Delete a line and the usual value is used."


class SettingsUnreadable(AppError):
    """There are settings, and they cannot be read."""

    hint = "Look at the permissions of that file, or move it away; without it the usual settings are used."

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"The settings in {path} cannot be read ({why}).")
        self.path = path


class SettingsFile:
    """The settings at one path."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> tuple[Settings, list[str]]:
        """Read the settings, and return sentences about what could not be used.

        A bad value gives way to the usual one, in the file too; a file that is no TOML to a new one.
        A copy of the file as it was is kept beside it first. Raises `SettingsUnreadable` if the file cannot
        be opened, `DiskFull` or `StoreUnwritable` if the copy cannot be written.
        """
        try:
            text = self._read().decode("utf-8-sig")
            raw = tomllib.loads(text)
        except FileNotFoundError:
            return Settings(), []
        except (ValueError, RecursionError) as error:  # no UTF-8, no TOML, endless numbers, endless nesting
            copy = self._keep_copy()
            self._write(f"# {_OPENING}\n")
            sentence = f"The settings could not be read ({error}), so the usual ones are used."
            return Settings(), [f"{sentence} The file as it was is kept as {copy}."]
        found, complaints = settings.read(raw)
        if _is_wrong(raw):
            copy = self._keep_copy()
            self._write(_document().mended(text))
            complaints.append(f"The settings as they were are kept as {copy}.")
        return found, complaints

    def save(self, values: Settings) -> None:
        """Write the settings, in one step: the file is never half written.

        Raises `SettingsUnreadable`, `DiskFull` or `StoreUnwritable`; then the file is as it was.
        """
        try:
            text = self._read().decode("utf-8-sig")
        except FileNotFoundError:
            text = ""
        except UnicodeDecodeError:  # `load` has kept a copy and told of it
            text = ""
        self._write(_document().changed(text, values) or f"# {_OPENING}\n")

    def _read(self) -> bytes:
        """Return what the file holds, if it is a file. Raises `FileNotFoundError`, `SettingsUnreadable`."""
        try:
            kind = self._path.stat().st_mode
            if stat.S_ISDIR(kind):
                raise SettingsUnreadable(self._path, os.strerror(errno.EISDIR))
            if not stat.S_ISREG(kind):
                raise SettingsUnreadable(self._path, "it is a pipe or a device, and no file")
            return self._path.read_bytes()
        except FileNotFoundError:
            raise
        except OSError as error:
            raise SettingsUnreadable(self._path, error.strerror or str(error)) from error

    def _write(self, text: str) -> None:
        part = self._path.with_name(self._path.name + ".part")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(file, "w", encoding="utf-8", newline="") as stream:
                os.chmod(part, 0o600)
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(part, self._path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise in_words(error, self._path) from error

    def _keep_copy(self) -> Path:
        number = 1
        while (copy := self._path.with_name(f"{self._path.name}.bak-{number}")).exists():
            number += 1
        try:
            shutil.copyfile(self._path, copy)
            os.chmod(copy, 0o600)
        except OSError as error:
            raise in_words(error, copy) from error
        return copy


def _document() -> ModuleType:
    from app.storage import settings_document  # noqa: PLC0415 - its library costs 30 ms at each start

    return settings_document


def _is_wrong(raw: Mapping[str, Any]) -> bool:
    """Whether the file has a value that its setting cannot have. Unknown names do not count."""
    for page in Page:
        table = raw.get(page, {})
        if not isinstance(table, dict):
            return True
        for setting in SETTINGS:
            if setting.page == page and setting.name in table:
                try:
                    setting.accept(table[setting.name])
                except ValueError:
                    return True
    return False
