"""The strip that tells how far models are copied into the models folder, and stops that."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.ui import theme
from app.ui.buttons import FlatButton, Label, Look


class CopyStrip(QWidget):
    """There while something is copied, on every page.

    Signals:
        stop_requested: the user wants no copy any more
    """

    stop_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._fractions: dict[str, float] = {}
        self._label = Label("")
        self._label.setMinimumWidth(1)
        self._bar = _Bar()
        self._stop = FlatButton(self.tr("Stop"), "stop", Look.OUTLINED, parent=self)
        self._stop.setAccessibleName(self.tr("Stop copying"))
        self._stop.clicked.connect(self.stop_requested)
        words = QVBoxLayout()
        words.setSpacing(5)
        words.addWidget(self._label)
        words.addWidget(self._bar)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(24, 8, 18, 4)
        layout.setSpacing(12)
        layout.addLayout(words, 1)
        layout.addWidget(self._stop)
        self.hide()

    @property
    def words(self) -> str:
        """What it says."""
        return self._label.text()

    def show_progress(self, name: str, fraction: float) -> None:
        """Show how far the copy of a file is, 0 to 1; with 1 it is over."""
        if fraction < 1.0:
            self._fractions[name] = fraction
        else:
            self._fractions.pop(name, None)
        if self._fractions:
            self._say()
        self.setVisible(bool(self._fractions))

    def _say(self) -> None:
        name, fraction = next(iter(self._fractions.items()))
        words = self.tr("Copying {0}  {1} %").format(name, int(fraction * 100))
        if words != self._label.text():
            self._label.setText(words)
            self._label.setAccessibleName(words)
        self._bar.show_fraction(fraction)


class _Bar(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self._fraction = 0.0
        self.setFixedHeight(4)

    def show_fraction(self, fraction: float) -> None:
        self._fraction = fraction
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        c = theme.colors()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        done = QRect(0, 0, round(self.width() * self._fraction), self.height())
        for rect, color in ((self.rect(), c.border), (done, c.accent)):
            painter.setBrush(QColor(color))
            painter.drawRoundedRect(rect, 2, 2)
        painter.end()
