"""How the lines of the chat list are drawn."""

from __future__ import annotations

from typing import TypeAlias

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QCursor, QFont, QFontMetrics, QPainter, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QLineEdit,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from app.core.conversation import ConversationLine, SearchHit
from app.ui import icons, theme
from app.ui.chat_list_model import Heading, ListRole

_Index: TypeAlias = QModelIndex | QPersistentModelIndex
_SIDE = 12


class ChatListDelegate(QStyledItemDelegate):
    """Draws headings, chats and hits; all lines of a list are equally high, so that it scrolls at once."""

    def __init__(self, view: QAbstractItemView) -> None:
        super().__init__(view)
        self._view = view
        self.is_searching = False
        self.opened: int | None = None  # the conversation that is shown

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        """Return room for one line of text, or two for a hit."""
        line = QFontMetrics(theme.scaled_font(0.95)).height()
        return QSize(100, 2 * line + 18 if self.is_searching else line + 15)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        """Draw one line."""
        entry = index.data(ListRole.ENTRY)
        rect: QRect = option.rect
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if isinstance(entry, Heading):
            self._paint_heading(painter, rect, entry)
        else:
            self._paint_ground(painter, rect, index, self._is_open(entry))
            if isinstance(entry, SearchHit):
                self._paint_hit(painter, rect, entry)
            elif isinstance(entry, ConversationLine):
                self._paint_line(painter, rect, entry)
        painter.restore()

    def _is_open(self, entry: object) -> bool:
        return isinstance(entry, ConversationLine) and entry.id == self.opened

    def _paint_heading(self, painter: QPainter, rect: QRect, entry: Heading) -> None:
        painter.setFont(theme.scaled_font(0.82, QFont.Weight.DemiBold))
        painter.setPen(QColor(theme.colors().muted))
        inside = rect.adjusted(_SIDE, 0, -_SIDE, -4)
        painter.drawText(inside, int(Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignLeft), entry.words)

    def _paint_ground(self, painter: QPainter, rect: QRect, index: _Index, is_open: bool) -> None:
        # The view is asked, not the option's state: QStyle's enums take 8 ms of the start.
        view, c = self._view, theme.colors()
        mouse = view.viewport().mapFromGlobal(QCursor.pos())
        inside = rect.adjusted(4, 1, -4, -1)
        painter.setPen(Qt.PenStyle.NoPen)
        if is_open or view.selectionModel().isSelected(index):
            painter.setBrush(QColor(c.selected))
            painter.drawRoundedRect(inside, 8, 8)
        elif view.viewport().underMouse() and rect.contains(mouse):
            painter.setBrush(QColor(c.hover))
            painter.drawRoundedRect(inside, 8, 8)
        if view.hasFocus() and view.currentIndex() == index:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(c.accent), 1.5))
            painter.drawRoundedRect(inside, 8, 8)

    def _paint_line(self, painter: QPainter, rect: QRect, entry: ConversationLine) -> None:
        c = theme.colors()
        inside = rect.adjusted(_SIDE, 0, -_SIDE, 0)
        if entry.is_pinned:
            side = 14
            icons.draw(
                painter, "pin", QRect(inside.right() - side, inside.center().y() - 7, side, side), c.muted
            )
            inside.adjust(0, 0, -side - 6, 0)
        painter.setFont(theme.scaled_font(0.95))
        painter.setPen(QColor(c.text))
        title = painter.fontMetrics().elidedText(entry.title, Qt.TextElideMode.ElideRight, inside.width())
        painter.drawText(inside, int(Qt.AlignmentFlag.AlignVCenter), title)

    def _paint_hit(self, painter: QPainter, rect: QRect, entry: SearchHit) -> None:
        c = theme.colors()
        inside = rect.adjusted(_SIDE, 7, -_SIDE, -7)
        painter.setFont(theme.scaled_font(0.95, QFont.Weight.DemiBold))
        metrics = painter.fontMetrics()
        painter.setPen(QColor(c.text))
        if entry.message is None:
            inside = QRect(
                inside.left(), inside.center().y() - metrics.height() // 2, inside.width(), metrics.height()
            )
            self._paint_marked(painter, inside, entry.snippet, entry.spans)
            return
        title = metrics.elidedText(entry.title, Qt.TextElideMode.ElideRight, inside.width())
        painter.drawText(inside.left(), inside.top() + metrics.ascent(), title)
        painter.setFont(theme.scaled_font(0.88))
        below = QRect(inside.left(), inside.top() + metrics.height() + 3, inside.width(), metrics.height())
        painter.setPen(QColor(c.muted))
        self._paint_marked(painter, below, entry.snippet, entry.spans)

    def _paint_marked(
        self, painter: QPainter, rect: QRect, words: str, spans: tuple[tuple[int, int], ...]
    ) -> None:
        """Draw a line with its found words marked; of a long one, the part with the first of them."""
        metrics = painter.fontMetrics()
        ink = theme.colors().text if spans else painter.pen().color()
        start = 0
        if spans and metrics.horizontalAdvance(words[: spans[0][1]]) > rect.width():
            start = max(0, spans[0][0] - 8)
            words = "…" + words[start:]
            start -= 1
        painter.setClipRect(rect)
        for begin, end in spans:
            left = metrics.horizontalAdvance(words[: begin - start])
            wide = metrics.horizontalAdvance(words[: end - start]) - left
            mark = QRect(rect.left() + left - 1, rect.top(), wide + 2, metrics.height())
            painter.fillRect(mark, QColor(theme.colors().mark))
        shown = metrics.elidedText(words, Qt.TextElideMode.ElideRight, rect.width())
        painter.setPen(QColor(ink))
        painter.drawText(rect.left(), rect.top() + metrics.ascent(), shown)

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: _Index) -> QWidget:
        """Rename in a field that is named."""
        editor = QLineEdit(parent)
        editor.setAccessibleName(self.tr("Title of the chat"))
        editor.setMaxLength(300)
        return editor

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: _Index) -> None:
        """Let the field fill the line."""
        rect: QRect = option.rect
        editor.setGeometry(rect.adjusted(4, 0, -4, 0))
