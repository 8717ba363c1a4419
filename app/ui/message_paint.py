"""Draws what of a message is not its text: the bubble, the name, the line of its state, the figures."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPen

from app.core.conversation import Message, MessageState
from app.ui import message_words, theme

_MIDDLE = int(Qt.AlignmentFlag.AlignVCenter)
_GAP = 12  # pixels between the buttons and the figures, at least


def paint_focus(painter: QPainter, rect: QRect) -> None:
    """Draw the ring of the message that has the focus."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(theme.colors().accent), 1.5))
    painter.drawRoundedRect(rect, 10, 10)


def paint_divider(painter: QPainter, width: int, words: str) -> None:
    """Draw a line across the top, with words in its middle."""
    painter.setFont(theme.scaled_font(0.88))
    metrics = painter.fontMetrics()
    middle = metrics.height() // 2 + 6
    room = metrics.horizontalAdvance(words) + 24
    left, right = (width - room) // 2, (width + room) // 2
    painter.setPen(QColor(theme.colors().accent))
    painter.drawLine(0, middle, left, middle)
    painter.drawLine(right, middle, width, middle)
    painter.drawText(QRect(0, 6, width, metrics.height()), Qt.AlignmentFlag.AlignCenter, words)


def paint_bubble(painter: QPainter, bubble: QRect) -> None:
    """Draw the ground of what the user wrote."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(theme.colors().bubble))
    painter.drawRoundedRect(bubble, 14, 14)


def paint_name(painter: QPainter, rect: QRect, name: str) -> None:
    """Draw who wrote a reply."""
    painter.setPen(QColor(theme.colors().text))
    painter.setFont(theme.scaled_font(0.95, QFont.Weight.DemiBold))
    shown = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, rect.width())
    painter.drawText(rect, _MIDDLE, shown)


def paint_state(painter: QPainter, rect: QRect, message: Message, progress: str) -> None:
    """Draw what is going on with a message, or what became of it, behind a dot."""
    c = theme.colors()
    is_failure = message.state is MessageState.FAILED
    painter.setPen(QColor(c.danger if is_failure else c.muted))
    painter.setFont(theme.scaled_font(0.92))
    words = progress or message_words.state_line(message)
    painter.drawText(rect, int(Qt.TextFlag.TextWordWrap), words)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(c.danger if is_failure else c.accent if progress else c.muted))
    painter.drawEllipse(rect.left() - 22, rect.top() + painter.fontMetrics().height() // 2 - 4, 8, 8)


def paint_figures(painter: QPainter, foot: QRect, message: Message) -> None:
    """Draw the counts at the right of `foot`, what stands to the left of it, as many as there is room for."""
    painter.setPen(QColor(theme.colors().muted))
    painter.setFont(theme.scaled_font(0.85))
    figures = message_words.figures(message)
    metrics = painter.fontMetrics()
    while figures and metrics.horizontalAdvance(message_words.joined(figures)) > foot.width() - _GAP:
        figures = figures[:-1]
    right = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight)
    painter.drawText(foot, right, message_words.joined(figures))
