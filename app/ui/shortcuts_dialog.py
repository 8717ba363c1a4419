"""The page F1 shows: every key combination."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QGridLayout, QScrollArea, QVBoxLayout, QWidget

from app.ui.buttons import Label
from app.ui.shortcuts import Shortcut, all_shortcuts


class ShortcutsDialog(QDialog):
    """All key combinations, by group."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Keyboard shortcuts"))
        self.resize(600, 680)
        page = QWidget()
        grid = QGridLayout(page)
        grid.setContentsMargins(20, 12, 20, 12)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(0, 1)
        self._fill(grid)
        area = QScrollArea()
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setAccessibleName(self.tr("Keyboard shortcuts"))
        area.setWidget(page)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(area)
        layout.addWidget(buttons)

    def _fill(self, grid: QGridLayout) -> None:
        group = ""
        for shortcut in all_shortcuts():
            if shortcut.group != group:
                group = shortcut.group
                heading = Label(group, 1.1, is_bold=True)
                heading.setContentsMargins(0, 10, 0, 0)
                grid.addWidget(heading, grid.rowCount(), 0, 1, 2)
            row = grid.rowCount()
            grid.addWidget(Label(shortcut.words), row, 0)
            grid.addWidget(Label(_readable(shortcut), is_muted=True), row, 1, Qt.AlignmentFlag.AlignRight)
        grid.setRowStretch(grid.rowCount(), 1)


def _readable(shortcut: Shortcut) -> str:
    native = QKeySequence.SequenceFormat.NativeText
    return "    ".join(QKeySequence(keys).toString(native) for keys in shortcut.keys)
