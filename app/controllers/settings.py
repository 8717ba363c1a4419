"""Changing the settings."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import QObject, Signal, Slot

from app.controllers.notices import Notices
from app.core.errors import AppError
from app.core.settings import BY_NAME, Settings


class Keeper(Protocol):
    """Where settings are kept."""

    def save(self, settings: Settings) -> None:
        """Write all settings. Raises `AppError`."""
        ...


class SettingsController(QObject):
    """The settings in force.

    Signals:
        changed: Settings
        refused: name of the setting, the sentence that says why
    """

    changed = Signal(object)
    refused = Signal(str, str)

    def __init__(
        self, settings: Settings, keeper: Keeper, notices: Notices, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._settings = settings
        self._keeper = keeper
        self._notices = notices

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._settings

    @Slot(str, object)
    def change(self, name: str, value: object) -> None:
        """Give a setting another value; one that it cannot have is refused with a sentence."""
        try:
            settings = self._settings.with_value(name, value)
        except ValueError as error:
            self.refused.emit(name, str(error))
            return
        if settings == self._settings:
            return
        self._settings = settings
        self.changed.emit(settings)
        try:
            self._keeper.save(settings)
        except AppError as error:  # in force all the same, until the program ends
            self._notices.tell(error)

    @Slot(str)
    def reset(self, name: str) -> None:
        """Give a setting its usual value again."""
        self.change(name, BY_NAME[name].default)
