"""The settings as a file that people can read and edit.

Only what was changed stands in the file, each value under its explanation. What people write into it is left
as it is, comments and values of newer versions included.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AbstractTable

from app.core import settings
from app.core.errors import StoreUnwritable
from app.core.settings import SETTINGS, Page, Setting, Settings
from app.storage.database import in_words

_OPENING = "Settings of Fireside. Delete a line and the usual value is used."


class SettingsFile:
    """The settings at one path."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> tuple[Settings, list[str]]:
        """Read the settings, and return sentences about what could not be used.

        A bad value gives way to the usual one, in the file too; a file that is no TOML to a new one.
        A copy of the file as it was is kept beside it first. Raises `StoreUnwritable` if the file cannot be
        read, `DiskFull` or `StoreUnwritable` if the copy cannot be written.
        """
        try:
            text = self._path.read_bytes().decode("utf-8-sig")
            document = tomlkit.parse(text)
        except FileNotFoundError:
            return Settings(), []
        except OSError as error:
            raise StoreUnwritable(self._path, error.strerror or str(error)) from error
        except (UnicodeDecodeError, TOMLKitError) as error:
            copy = self._keep_copy()
            self._write(tomlkit.document())
            sentence = f"The settings could not be read ({error}), so the usual ones are used."
            return Settings(), [f"{sentence} The file as it was is kept as {copy}."]
        found, complaints = settings.read(document.unwrap())
        if _mend(document):
            copy = self._keep_copy()
            self._write(document)
            complaints.append(f"The settings as they were are kept as {copy}.")
        return found, complaints

    def save(self, values: Settings) -> None:
        """Write the settings, in one step: the file is never half written.

        Raises `DiskFull` or `StoreUnwritable`; then the file is as it was.
        """
        document = self._document()
        for setting in SETTINGS:
            _put(document, setting, values)
        self._write(document)

    def _document(self) -> tomlkit.TOMLDocument:
        try:
            return tomlkit.parse(self._path.read_bytes().decode("utf-8-sig"))
        except (OSError, UnicodeDecodeError, TOMLKitError):  # `load` has kept a copy and told of it
            return tomlkit.document()

    def _write(self, document: tomlkit.TOMLDocument) -> None:
        if not document.as_string().strip():
            document.add(tomlkit.comment(_OPENING))
        part = self._path.with_name(self._path.name + ".part")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(file, "w", encoding="utf-8", newline="") as stream:
                os.chmod(part, 0o600)
                stream.write(document.as_string())
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


def _mend(document: tomlkit.TOMLDocument) -> bool:
    """Set wrong values to the usual ones, and return whether there were any. Unknown names stay."""
    wrong = False
    for page in [str(key) for key in document if key in set(Page)]:
        table = document[page]
        if not isinstance(table, AbstractTable):
            document.remove(page)
            wrong = True
            continue
        plain = table.unwrap()
        for setting in SETTINGS:
            if setting.page == page and setting.name in plain:
                try:
                    setting.accept(plain[setting.name])
                except ValueError:
                    table[setting.name] = setting.default
                    wrong = True
    return wrong


def _put(document: tomlkit.TOMLDocument, setting: Setting, values: Settings) -> None:
    page = str(setting.page)
    table = document.get(page)
    value = values[setting.name]
    if not isinstance(table, AbstractTable):
        if value == setting.default:
            return
        if page in document:
            document.remove(page)
        table = tomlkit.table()
        document[page] = table
        table = document[page]
        assert isinstance(table, AbstractTable)
    if setting.name in table:
        if table.unwrap()[setting.name] != value:  # the comment behind an unchanged value stays in its place
            table[setting.name] = value
    elif value != setting.default:
        table.add(tomlkit.comment(f"{setting.label}: {setting.explanation}"))
        table.add(setting.name, value)
