"""The program's own icons, drawn in whatever color the theme asks for."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from PySide6.QtCore import QByteArray, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

_FOLDER = Path(__file__).parents[2] / "resources" / "icons"


@cache
def _drawn(name: str, color: str, pixels: int) -> QPixmap:
    source = (_FOLDER / f"{name}.svg").read_text(encoding="utf-8").replace("currentColor", color)
    renderer = QSvgRenderer(QByteArray(source.encode()))
    result = QPixmap(pixels, pixels)
    result.fill(Qt.GlobalColor.transparent)
    painter = QPainter(result)
    renderer.render(painter, QRectF(0, 0, pixels, pixels))
    painter.end()
    return result


def draw(painter: QPainter, name: str, rect: QRect, color: QColor | str) -> None:
    """Draw the icon of that name as large as fits, centered in `rect`."""
    side = min(rect.width(), rect.height())
    ratio = painter.device().devicePixelRatio()
    pixmap = _drawn(name, QColor(color).name(), round(side * ratio))
    target = QRect(0, 0, side, side)
    target.moveCenter(rect.center())
    painter.drawPixmap(target, pixmap)
