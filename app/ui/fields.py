"""Fields in the program's own hand: a choice, a number, a tick.

Their grounds and frames come from the stylesheet; what it can only say with picture files (arrows, the
tick, the ring of a tick box that has the focus) is drawn here, in the colors of the theme.
"""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QSpinBox, QWidget

from app.ui import icons, theme

SIDE = 24  # width of the part with the arrows, as the stylesheet has it


class Choice(QComboBox):
    """One of several values; a wheel that scrolls the page does not turn it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("own", True)  # the stylesheet leaves the fields of Qt's own dialogs their arrows
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumWidth(170)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the page."""
        event.ignore()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw it, and its arrow."""
        super().paintEvent(event)
        painter = QPainter(self)
        room = QRect(self.width() - SIDE - 4, 0, SIDE, self.height())
        icons.draw(painter, "down", _middle(room, 14), _ink(self))
        painter.end()


class Number(QSpinBox):
    """A whole number up to 2³¹ - 1; a wheel that scrolls the page does not turn it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        _prepare(self)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the page."""
        event.ignore()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw it, and its arrows."""
        super().paintEvent(event)
        _draw_arrows(self)


class Decimal(QDoubleSpinBox):
    """A number with decimals; a wheel that scrolls the page does not turn it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        _prepare(self)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the page."""
        event.ignore()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw it, and its arrows."""
        super().paintEvent(event)
        _draw_arrows(self)


class Tick(QCheckBox):
    """On or off, with its own name."""

    def sizeHint(self) -> QSize:
        """Return room for the box, the name and the ring around both."""
        metrics = self.fontMetrics()
        width = metrics.horizontalAdvance(self.text()) + self._side() + 20
        return QSize(width, max(self._side(), metrics.height()) + 10)

    def minimumSizeHint(self) -> QSize:
        """Return the same."""
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the box, the tick, the name, and a ring where it has the focus."""
        c = theme.colors()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not self.isEnabled():
            painter.setOpacity(0.45)
        side = self._side()
        box = QRect(4, (self.height() - side) // 2, side, side)
        is_on = self.isChecked()
        painter.setPen(QPen(QColor(c.accent if is_on else c.muted), 1))
        painter.setBrush(QColor(c.accent if is_on else c.hover if self.underMouse() else c.card))
        painter.drawRoundedRect(box, 4, 4)
        if is_on:
            icons.draw(painter, "check", box.adjusted(2, 2, -2, -2), c.on_accent)
        painter.setPen(QColor(c.text))
        words = QRect(box.right() + 9, 0, self.width(), self.height())
        painter.drawText(words, int(Qt.AlignmentFlag.AlignVCenter), self.text())
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(c.accent), 2))
            ring = self.rect().adjusted(1, 1, -1, -1)
            ring.setWidth(min(ring.width(), self.sizeHint().width() - 2))
            painter.drawRoundedRect(ring, 6, 6)
        painter.end()

    def _side(self) -> int:
        return max(16, round(self.fontMetrics().height() * 0.95))

    def hitButton(self, pos: object) -> bool:
        """Take a click anywhere on it."""
        return True


def _prepare(box: QSpinBox | QDoubleSpinBox) -> None:
    box.setProperty("own", True)
    box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    box.setKeyboardTracking(False)
    box.setMinimumWidth(170)
    box.lineEdit().setTextMargins(8, 0, 0, 0)


def _ink(widget: QWidget) -> str:
    c = theme.colors()
    return c.muted if widget.isEnabled() else c.border


def _middle(room: QRect, side: int) -> QRect:
    result = QRect(0, 0, side, side)
    result.moveCenter(room.center())
    return result


def _draw_arrows(box: QSpinBox | QDoubleSpinBox) -> None:
    painter = QPainter(box)
    half = box.height() // 2
    ink = _ink(box)
    room = QRect(box.width() - SIDE, half, SIDE, half - 3)
    icons.draw(painter, "down", _middle(room, 12), ink)
    painter.translate(0, box.height())
    painter.scale(1, -1)
    icons.draw(painter, "down", _middle(room, 12), ink)
    painter.end()
