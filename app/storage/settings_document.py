"""Changing the text of a settings file and leaving what people wrote into it as it is."""

from __future__ import annotations

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AbstractTable

from app.core.settings import SETTINGS, Page, Setting, Settings


def mended(text: str) -> str:
    """Return the text with wrong values set to the usual ones. Unknown names stay."""
    document = tomlkit.parse(text)
    _mend(document)
    return document.as_string()


def changed(text: str, values: Settings) -> str:
    """Return the text with these values; one that is no TOML gives way to a new one."""
    try:
        document = tomlkit.parse(text)
    except TOMLKitError:  # a copy of it was kept when it was read
        document = tomlkit.document()
    for setting in SETTINGS:
        _put(document, setting, values)
    return document.as_string()


def _mend(document: tomlkit.TOMLDocument) -> None:
    for page in [str(key) for key in document if key in set(Page)]:
        table = document[page]
        if not isinstance(table, AbstractTable):
            document.remove(page)
            continue
        plain = table.unwrap()
        for setting in SETTINGS:
            if setting.page == page and setting.name in plain:
                try:
                    setting.accept(plain[setting.name])
                except ValueError:
                    table[setting.name] = setting.default


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
