"""The question before a loss."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QWidget


class CloseGuard(QObject):
    """Keeps a window open while something on the screen is not on the disk, unless the user insists."""

    def __init__(self, window: QWidget, is_saved: Callable[[], bool]) -> None:
        """`is_saved` tries to save what is not saved yet, and says whether everything is."""
        super().__init__(window)
        self._window = window
        self._is_saved = is_saved
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Try to save once more; ask when that fails."""
        if event.type() is QEvent.Type.Close and not self._is_saved() and not self._wants_to_lose():
            event.ignore()
            return True
        return super().eventFilter(watched, event)

    def _wants_to_lose(self) -> bool:
        from PySide6.QtWidgets import QMessageBox  # noqa: PLC0415  2 ms that no start needs

        box = QMessageBox(self._window)
        box.setIcon(QMessageBox.Icon.Warning)
        box.setWindowTitle("Fireside")
        box.setText(self.tr("The last reply could not be saved."))
        box.setInformativeText(
            self.tr("Make room on the disk, or copy the reply elsewhere, before you quit.")
        )
        stay = box.addButton(self.tr("Stay"), QMessageBox.ButtonRole.RejectRole)
        leave = box.addButton(self.tr("Quit and lose it"), QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(stay)
        box.setEscapeButton(stay)
        box.exec()
        return box.clickedButton() is leave
