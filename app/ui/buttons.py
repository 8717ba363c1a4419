"""Buttons and labels in the program's own hand."""

from __future__ import annotations

import enum

from PySide6.QtCore import QEvent, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QKeyEvent, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QLabel, QPushButton, QWidget

from app.ui import icons, theme


class Look(enum.Enum):
    """How much a button asks to be pressed."""

    QUIET = "quiet"  # nothing but its icon and words until the mouse or the focus is on it
    OUTLINED = "outlined"
    FILLED = "filled"  # the one thing to do here


class FlatButton(QPushButton):
    """A button with an icon, words, or both; what it does is always said to a screen reader."""

    def __init__(
        self,
        text: str = "",
        icon: str = "",
        look: Look = Look.QUIET,
        name: str = "",
        parent: QWidget | None = None,
        is_leading: bool = False,
    ) -> None:
        """`name` is what it is called where it has no words; `is_leading` puts the content to the left."""
        super().__init__(text, parent)
        self._icon = icon
        self._look = look
        self._is_leading = is_leading
        self._is_round = False
        self.setAutoDefault(False)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setAccessibleName(name or text)
        if name and not text:
            self.setToolTip(name)

    def set_icon(self, icon: str) -> None:
        """Show another icon."""
        self._icon = icon
        self.update()

    def set_round(self) -> None:
        """Be a circle."""
        self._is_round = True

    def sizeHint(self) -> QSize:
        """Return room for the icon and the words."""
        metrics = self.fontMetrics()
        height = max(30, metrics.height() + 12)
        if not self.text():
            return QSize(height, height)
        width = metrics.horizontalAdvance(self.text()) + 24
        width += self._icon_side() + 7 if self._icon else 0
        width += self._icon_side() if self.menu() is not None else 0
        return QSize(width, height)

    def minimumSizeHint(self) -> QSize:
        """Return room for the icon alone; the words are cut short with three dots."""
        hint = self.sizeHint()
        return QSize(min(hint.width(), 60), hint.height())

    def _icon_side(self) -> int:
        return max(16, round(self.fontMetrics().height() * 1.05))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Let Enter press the button as Space does."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
            return
        super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the ground, the icon and the words."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        c = theme.colors()
        ink = self._draw_ground(painter, c)
        if not self.isEnabled():
            painter.setOpacity(0.45)
        self._draw_content(painter, ink)
        painter.end()

    def _draw_ground(self, painter: QPainter, c: theme.Colors) -> str:
        rect = self.rect().adjusted(1, 1, -1, -1)
        radius = min(rect.width(), rect.height()) / 2 if self._is_round else 8
        is_hot = self.isEnabled() and (self.underMouse() or self.isDown())
        painter.setPen(Qt.PenStyle.NoPen)
        ink = c.text if self.text() else c.muted
        if self._look is Look.FILLED:
            ground = QColor(c.accent if self.isEnabled() else c.border)
            painter.setBrush(ground.darker(112) if is_hot else ground)
            painter.drawRoundedRect(rect, radius, radius)
            ink = c.on_accent if self.isEnabled() else c.text
        elif is_hot or self.isChecked():
            painter.setBrush(QColor(c.selected if self.isDown() or self.isChecked() else c.hover))
            painter.drawRoundedRect(rect, radius, radius)
            ink = c.text
        if self._look is Look.OUTLINED or self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            ring = c.text if self._look is Look.FILLED else c.accent
            painter.setPen(QPen(QColor(ring if self.hasFocus() else c.border), 2 if self.hasFocus() else 1))
            painter.drawRoundedRect(rect, radius, radius)
        return ink

    def _draw_content(self, painter: QPainter, ink: str) -> None:
        side = self._icon_side()
        if not self.text():
            icons.draw(painter, self._icon, self._square(self.rect().center().x() - side // 2, side), ink)
            return
        metrics = self.fontMetrics()
        before = side + 7 if self._icon else 0
        after = side if self.menu() is not None else 0
        room = self.width() - 20 - before - after
        words = metrics.elidedText(self.text(), Qt.TextElideMode.ElideRight, room)
        taken = before + metrics.horizontalAdvance(words) + after
        left = 10 if self._is_leading else max(10, (self.width() - taken) // 2)
        if self._icon:
            icons.draw(painter, self._icon, self._square(left, side), ink)
        painter.setPen(QColor(ink))
        painter.drawText(
            QRect(left + before, 0, room + 4, self.height()), int(Qt.AlignmentFlag.AlignVCenter), words
        )
        if after:
            right = self.width() - side - 4 if self._is_leading else left + taken - side + 3
            icons.draw(painter, "down", self._square(right, side - 4), ink)

    def _square(self, left: int, side: int) -> QRect:
        return QRect(left, (self.height() - side) // 2, side, side)


class Label(QLabel):
    """Text whose size stays in proportion to the program's text size."""

    def __init__(
        self,
        text: str = "",
        factor: float = 1.0,
        is_bold: bool = False,
        is_muted: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(text, parent)
        self._factor = factor
        self._weight = QFont.Weight.DemiBold if is_bold else QFont.Weight.Normal
        self._tone = "muted" if is_muted else "text"
        self.setTextFormat(Qt.TextFormat.PlainText)
        self._dress()

    def set_tone(self, tone: str) -> None:
        """Use another of the theme's colors: `text`, `muted`, `warning` or `danger`."""
        if tone != self._tone:
            self._tone = tone
            self._dress()

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme and the text size."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.ApplicationFontChange, QEvent.Type.StyleChange):
            self._dress()

    def _dress(self) -> None:
        font = theme.scaled_font(self._factor, self._weight)
        if font != self.font():
            self.setFont(font)
        color = QColor(getattr(theme.colors(), self._tone))
        if self.palette().color(QPalette.ColorRole.WindowText) != color:
            palette = self.palette()
            palette.setColor(QPalette.ColorRole.WindowText, color)
            self.setPalette(palette)
